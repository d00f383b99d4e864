using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Sums of an hour by labels, many in one piece, because reading a row for each costs more than adding them up. Clients stand apart: they are what makes combinations
/// of labels many, and most questions need no more of them than who has most requests.
/// </summary>
/// <param name="Keys">For each label but the client its number of values, and these as in <see cref="StatLabels.ToBytes"/>; then each combination of them: whether it is of inferences, and the number of each value.</param>
/// <param name="Sums">The sums of each combination (<see cref="StatSums.ToBytes"/>), behind their length.</param>
/// <param name="Clients">How many there are; for each its value, and behind their length the combinations it has requests of: their numbers, and how many requests.</param>
/// <param name="ClientSums">For each client, in the same order, its combinations again: their numbers, and their sums behind their length.</param>
internal sealed record HourPack(byte[] Keys, byte[] Sums, byte[] Clients, IReadOnlyList<byte[]> ClientSums)
{
    /// <summary>The place of the client among the labels.</summary>
    public const int Client = (int)StatLabel.Client;

    public static HourPack Of(IEnumerable<(StatLabels Labels, StatSums Sums)> cells)
    {
        Dictionary<byte[], int>[] values = [.. Enumerable.Range(0, StatLabels.Texts).Select(_ => new Dictionary<byte[], int>(BytesComparer.Instance))];
        Dictionary<StatLabels, int> numbers = [];
        List<StatSums> totals = [];
        List<byte> combinations = [];
        List<byte> clients = [];
        List<byte[]> clientSums = [];
        foreach (var client in cells.GroupBy(cell => cell.Labels.Client))
        {
            List<byte> counts = [];
            List<byte> sums = [];
            foreach (var (labels, added) in client)
            {
                var combination = labels with { Client = null };
                if (!numbers.TryGetValue(combination, out var number))
                {
                    numbers[combination] = number = totals.Count;
                    totals.Add(new StatSums());
                    AddKey(combinations, values, combination);
                }

                totals[number].Merge(added);
                CompactNumbers.Append(counts, number);
                CompactNumbers.Append(counts, added.Requests);
                CompactNumbers.Append(sums, number);
                AddPart(sums, added.ToBytes());
            }

            clients.AddRange(Texts(client.First().Labels)[Client]);
            AddPart(clients, [.. counts]);
            clientSums.Add([.. sums]);
        }

        List<byte> keys = [];
        foreach (var known in values.Where((_, label) => label != Client))
        {
            CompactNumbers.Append(keys, known.Count);
            keys.AddRange(known.OrderBy(value => value.Value).SelectMany(value => value.Key));
        }

        List<byte> all = [];
        totals.ForEach(sums => AddPart(all, sums.ToBytes()));
        List<byte> count = [];
        CompactNumbers.Append(count, clientSums.Count);
        return new HourPack([.. keys, .. combinations], [.. all], [.. count, .. clients], clientSums);
    }

    /// <summary>Takes the next part, which stands behind its length, off a pack's bytes. Throws <see cref="FormatException"/> where there is none.</summary>
    public static ReadOnlySpan<byte> TakePart(scoped ref ReadOnlySpan<byte> bytes)
    {
        var length = CompactNumbers.Take(ref bytes);
        if (length > bytes.Length)
        {
            throw Refused();
        }

        var part = bytes[..(int)length];
        bytes = bytes[(int)length..];
        return part;
    }

    /// <summary>What is thrown on bytes that are no pack's.</summary>
    public static FormatException Refused() => new("A pack of sums does not match its keys.");

    private static void AddPart(List<byte> bytes, byte[] part)
    {
        CompactNumbers.Append(bytes, part.Length);
        bytes.AddRange(part);
    }

    private static void AddKey(List<byte> combinations, Dictionary<byte[], int>[] values, StatLabels labels)
    {
        combinations.Add(labels.IsInference ? (byte)1 : (byte)0);
        foreach (var (label, text) in Texts(labels).Index())
        {
            if (label != Client)
            {
                CompactNumbers.Append(combinations, NumberOf(values[label], text));
            }
        }
    }

    /// <summary>The texts of labels as they are stored.</summary>
    private static byte[][] Texts(StatLabels labels)
    {
        var texts = new byte[StatLabels.Texts][];
        ReadOnlySpan<byte> rest = labels.ToBytes();
        StatLabels.TakeIsInference(ref rest);
        for (var label = 0; label < texts.Length; label++)
        {
            var from = rest;
            StatLabels.TryTake(ref rest, out _);
            texts[label] = from[..^rest.Length].ToArray();
        }

        return texts;
    }

    private static int NumberOf(Dictionary<byte[], int> known, byte[] value)
    {
        if (!known.TryGetValue(value, out var number))
        {
            known[value] = number = known.Count;
        }

        return number;
    }
}

/// <summary>Reads <see cref="HourPack.Clients"/> from the front to the end. Throws <see cref="FormatException"/> on what is none.</summary>
internal ref struct HourPackClients
{
    private readonly long _count;
    private ReadOnlySpan<byte> _rest;

    public HourPackClients(ReadOnlySpan<byte> clients)
    {
        _rest = clients;
        _count = CompactNumbers.Take(ref _rest);
    }

    /// <summary>How many were taken: the place of the last one's sums, counted from 1.</summary>
    public int Taken { get; private set; }

    /// <summary>Takes the next client; false at the end.</summary>
    /// <param name="has">Whether it has a name.</param>
    /// <param name="utf8">Its name.</param>
    /// <param name="counts">Its combinations and how many requests they have.</param>
    public bool TryTake(out bool has, out ReadOnlySpan<byte> utf8, out ReadOnlySpan<byte> counts)
    {
        has = false;
        utf8 = counts = default;
        if (Taken == _count)
        {
            return _rest.IsEmpty ? false : throw HourPack.Refused();
        }

        if (Taken == SqliteHourPacks.PlacesOfPack)
        {
            throw HourPack.Refused();
        }

        Taken++;
        has = StatLabels.TryTake(ref _rest, out utf8);
        counts = HourPack.TakePart(ref _rest);
        return true;
    }
}
