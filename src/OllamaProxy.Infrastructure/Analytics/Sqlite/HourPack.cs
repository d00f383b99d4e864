using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Sums of an hour by labels, many in one piece, because reading a row for each costs more than adding them up. Every label's values stand once: for each label the
/// number of its values, and these as in <see cref="StatLabels.ToBytes"/>; then for each combination whether it is of inferences, which of the values it has, and its
/// sums behind their length (<see cref="StatSums.ToBytes"/>).
/// </summary>
internal static class HourPack
{
    public static byte[] Write(IReadOnlyCollection<(byte[] Labels, byte[] Sums)> cells)
    {
        Dictionary<byte[], int>[] values = [.. Enumerable.Range(0, StatLabels.Texts).Select(_ => new Dictionary<byte[], int>(BytesComparer.Instance))];
        List<byte> body = [];
        foreach (var (labels, sums) in cells)
        {
            ReadOnlySpan<byte> rest = labels;
            body.Add(StatLabels.TakeIsInference(ref rest) ? (byte)1 : (byte)0);
            foreach (var known in values)
            {
                var before = rest;
                StatLabels.TryTake(ref rest, out _);
                CompactNumbers.Append(body, NumberOf(known, before[..^rest.Length]));
            }

            CompactNumbers.Append(body, sums.Length);
            body.AddRange(sums);
        }

        List<byte> head = [];
        foreach (var known in values)
        {
            CompactNumbers.Append(head, known.Count);
            foreach (var value in known.OrderBy(value => value.Value))
            {
                head.AddRange(value.Key);
            }
        }

        return [.. head, .. body];
    }

    private static int NumberOf(Dictionary<byte[], int> known, ReadOnlySpan<byte> value)
    {
        if (!known.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(value, out var number))
        {
            known[value.ToArray()] = number = known.Count;
        }

        return number;
    }
}

/// <summary>Reads what <see cref="HourPack.Write"/> wrote, from the front to the end. Throws <see cref="FormatException"/> on anything else.</summary>
internal ref struct HourPackReader(ReadOnlySpan<byte> pack)
{
    private ReadOnlySpan<byte> _rest = pack;

    /// <summary>The number of values of the next label, each of which is to be taken.</summary>
    public int TakeCount() => (int)Math.Min(CompactNumbers.Take(ref _rest), _rest.Length);

    /// <summary>Takes the next value; false for none.</summary>
    public bool TryTakeValue(out ReadOnlySpan<byte> utf8) => StatLabels.TryTake(ref _rest, out utf8);

    /// <summary>Takes the next combination; false at the end.</summary>
    /// <param name="values">The number of each label's value.</param>
    /// <param name="isInference">Whether it is of inferences.</param>
    /// <param name="sums">What <see cref="StatCell"/> reads.</param>
    public bool TryTakeCell(Span<int> values, out bool isInference, out ReadOnlySpan<byte> sums)
    {
        isInference = false;
        sums = default;
        if (_rest.IsEmpty)
        {
            return false;
        }

        isInference = StatLabels.TakeIsInference(ref _rest);
        foreach (ref var value in values)
        {
            value = (int)CompactNumbers.Take(ref _rest);
        }

        var length = CompactNumbers.Take(ref _rest);
        if (length > _rest.Length)
        {
            throw new FormatException("Sums have no end.");
        }

        sums = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }
}
