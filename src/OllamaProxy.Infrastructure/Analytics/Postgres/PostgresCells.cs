namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>The sums that a writer has of one hour, by a key, each with the number of its row.</summary>
internal sealed class PostgresCells<TKey>
    where TKey : notnull
{
    private readonly Dictionary<TKey, (int Cell, StatSums Sums)> _cells = [];

    /// <summary>The sums of a key with others added, to be written; the cells stay as they are.</summary>
    /// <param name="key">The key.</param>
    /// <param name="added">What is added.</param>
    /// <param name="next">The number of the next new row, counted from the cells there are.</param>
    public (int Cell, StatSums Sums) With(TKey key, StatSums added, ref int next)
    {
        if (!_cells.TryGetValue(key, out var known))
        {
            return (next++, added);
        }

        var sums = new StatSums();
        sums.Merge(known.Sums);
        sums.Merge(added);
        return (known.Cell, sums);
    }

    public int Count => _cells.Count;

    public IEnumerable<(TKey Key, int Cell, StatSums Sums)> All => _cells.Select(cell => (cell.Key, cell.Value.Cell, cell.Value.Sums));

    public void Put(TKey key, int cell, StatSums sums) => _cells[key] = (cell, sums);
}
