using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Sums of an hour by labels, many in one piece, because reading a row for each costs more than adding them up. The keys: for each label its number of values, and these
/// as in <see cref="StatLabels.ToBytes"/>; then for each client its requests, how many of them are inferences, how many bytes of keys and of sums follow, and for each
/// combination of the other labels whether it is of inferences, which values it has, its requests, and how many bytes of sums. The sums stand apart
/// (<see cref="StatSums.ToBytes"/>), so that what is only counted or passed over need not be read.
/// </summary>
/// <param name="Keys">What is looked for.</param>
/// <param name="Sums">What is added up, in the same order.</param>
internal sealed record HourPack(byte[] Keys, byte[] Sums)
{
    /// <summary>The place of the client among the labels.</summary>
    public const int Client = (int)StatLabel.Client;

    public static HourPack Of(IEnumerable<(StatLabels Labels, StatSums Sums)> cells)
    {
        Dictionary<byte[], int>[] values = [.. Enumerable.Range(0, StatLabels.Texts).Select(_ => new Dictionary<byte[], int>(BytesComparer.Instance))];
        List<byte> body = [];
        List<byte> sums = [];
        foreach (var client in cells.GroupBy(cell => cell.Labels.Client))
        {
            List<byte> keys = [];
            var (requests, inferences, before, number) = (0L, 0L, sums.Count, 0);
            foreach (var (labels, added) in client)
            {
                keys.Add(labels.IsInference ? (byte)1 : (byte)0);
                ReadOnlySpan<byte> rest = labels.ToBytes();
                StatLabels.TakeIsInference(ref rest);
                for (var label = 0; label < values.Length; label++)
                {
                    var from = rest;
                    StatLabels.TryTake(ref rest, out _);
                    var value = NumberOf(values[label], from[..^rest.Length]);
                    if (label == Client)
                    {
                        number = value;
                    }
                    else
                    {
                        CompactNumbers.Append(keys, value);
                    }
                }

                var bytes = added.ToBytes();
                CompactNumbers.Append(keys, added.Requests);
                CompactNumbers.Append(keys, bytes.Length);
                sums.AddRange(bytes);
                requests += added.Requests;
                inferences += labels.IsInference ? added.Requests : 0;
            }

            foreach (var head in (ReadOnlySpan<long>)[number, requests, inferences, keys.Count, sums.Count - before])
            {
                CompactNumbers.Append(body, head);
            }

            body.AddRange(keys);
        }

        List<byte> front = [];
        foreach (var known in values)
        {
            CompactNumbers.Append(front, known.Count);
            front.AddRange(known.OrderBy(value => value.Value).SelectMany(value => value.Key));
        }

        return new HourPack([.. front, .. body], [.. sums]);
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

/// <summary>Reads a <see cref="HourPack"/> from the front to the end. Throws <see cref="FormatException"/> on what is none.</summary>
/// <param name="keys">Its keys.</param>
/// <param name="sums">Its sums; empty when they are of no interest, or given client by client.</param>
internal ref struct HourPackReader(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> sums)
{
    private readonly bool _hasSums = !sums.IsEmpty;

    /// <summary>What comes after the client that is read.</summary>
    private ReadOnlySpan<byte> _keys = keys;

    private ReadOnlySpan<byte> _sums = sums;

    /// <summary>What is left of the client that is read.</summary>
    private ReadOnlySpan<byte> _clientKeys;

    private ReadOnlySpan<byte> _clientSums;

    private bool _clientHasSums;

    /// <summary>Where the sums of the client that is read stand among the sums.</summary>
    public (long Offset, long Length) SumsOfClient { get; private set; }

    /// <summary>The number of values of the next label, each of which is to be taken.</summary>
    public int TakeCount() => (int)Math.Min(CompactNumbers.Take(ref _keys), _keys.Length);

    /// <summary>Takes the next value; false for none.</summary>
    public bool TryTakeValue(out ReadOnlySpan<byte> utf8) => StatLabels.TryTake(ref _keys, out utf8);

    /// <summary>Goes on to the next client, whatever is left of the one before; false at the end.</summary>
    /// <param name="number">The number of the client's value.</param>
    /// <param name="requests">Its requests.</param>
    /// <param name="inferences">How many of them are inferences.</param>
    public bool TryTakeClient(out int number, out long requests, out long inferences)
    {
        (number, requests, inferences) = (0, 0, 0);
        if (_keys.IsEmpty)
        {
            return _sums.IsEmpty ? false : throw new FormatException("Sums stand behind a pack.");
        }

        number = (int)CompactNumbers.Take(ref _keys);
        requests = CompactNumbers.Take(ref _keys);
        inferences = CompactNumbers.Take(ref _keys);
        var (keys, sums) = (CompactNumbers.Take(ref _keys), CompactNumbers.Take(ref _keys));
        _clientKeys = Part(ref _keys, keys);
        SumsOfClient = (SumsOfClient.Offset + SumsOfClient.Length, sums);
        _clientSums = _hasSums ? Part(ref _sums, sums) : default;
        _clientHasSums = _hasSums;
        return true;
    }

    /// <summary>Gives the client that is read its sums.</summary>
    public void GiveSums(ReadOnlySpan<byte> sums) 
    {
        _clientSums = sums;
        _clientHasSums = true;
    }

    /// <summary>Takes the next combination of the client; false at the end.</summary>
    /// <param name="values">The number of each label's value; that of the client stays.</param>
    /// <param name="isInference">Whether it is of inferences.</param>
    /// <param name="requests">Its requests.</param>
    /// <param name="sums">What <see cref="StatCell"/> reads.</param>
    public bool TryTakeCell(Span<int> values, out bool isInference, out long requests, out ReadOnlySpan<byte> sums)
    {
        isInference = false;
        requests = 0;
        sums = default;
        if (_clientKeys.IsEmpty)
        {
            return false;
        }

        isInference = StatLabels.TakeIsInference(ref _clientKeys);
        for (var label = 0; label < values.Length; label++)
        {
            if (label != HourPack.Client)
            {
                values[label] = (int)CompactNumbers.Take(ref _clientKeys);
            }
        }

        requests = CompactNumbers.Take(ref _clientKeys);
        var length = CompactNumbers.Take(ref _clientKeys);
        if (_clientHasSums)
        {
            sums = Part(ref _clientSums, length);
        }

        return true;
    }

    private static ReadOnlySpan<byte> Part(scoped ref ReadOnlySpan<byte> rest, long length)
    {
        if (length > rest.Length)
        {
            throw new FormatException("A pack has no end.");
        }

        var part = rest[..(int)length];
        rest = rest[(int)length..];
        return part;
    }
}
