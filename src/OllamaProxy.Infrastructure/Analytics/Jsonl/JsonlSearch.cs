using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>Finds records by reading as few blocks as the order and the filter allow. It never keeps more records than a page and those that overlap.</summary>
internal static class JsonlSearch
{
    public static RequestPage Page(JsonlSnapshot snapshot, RequestQuery query, CancellationToken cancellationToken)
    {
        var order = new JsonlOrder(query.Order, query.Ascending);
        (double?, long)? after = query.After is { } cursor ? (cursor.Value, cursor.Id) : null;
        var filter = new JsonlFilter(query.Filter);
        List<(RequestRecord Record, double? Value)> found = query.Order == RequestOrder.Time
            ? [.. InTime(snapshot, filter, query.Ascending, after,
                cancellationToken).Take(query.Limit + 1).Select(record => (record, (double?)Micros.Of(record.Timestamp)))]
            : Best(snapshot, filter, order, after, query.Limit + 1, cancellationToken);
        var more = found.Count > query.Limit;
        var page = found.Take(query.Limit).ToList();
        return new RequestPage([.. page.Select(item => item.Record)], more ? new RequestCursor(page[^1].Value, page[^1].Record.Id) : null);
    }

    /// <summary>
    /// Matching records in the order of time. Lines are in the order in which requests ended, nearly that of time. Blocks are read in the order of their
    /// newest record, and a record waits only until no unread block can hold a newer one.
    /// </summary>
    public static IEnumerable<RequestRecord> InTime(
        JsonlSnapshot snapshot, JsonlFilter filter, bool ascending, (double? Value, long Id)? after, CancellationToken cancellationToken)
    {
        var (order, reader) = (new JsonlOrder(RequestOrder.Time, ascending), new JsonlBlockReader());
        var waiting = new PriorityQueue<RequestRecord, (double? Value, long Id)>(order);
        foreach (var day in ascending ? snapshot.Days.Reverse() : snapshot.Days)
        {
            var blocks = day.Blocks.Where(source => filter.MayMatch(source.Block) && !IsBefore(source.Block, ascending, after));
            foreach (var (file, block) in ascending ? blocks.OrderBy(source => source.Block.MinTime) : blocks.OrderByDescending(source => source.Block.MaxTime))
            {
                cancellationToken.ThrowIfCancellationRequested();
                while (waiting.TryPeek(out var next, out var place) && (ascending ? place.Value < block.MinTime : place.Value > block.MaxTime))
                {
                    yield return waiting.Dequeue();
                }

                foreach (var line in reader.Records(file, block))
                {
                    var place = ((double?)line.Time, line.Id);
                    if ((after is null || order.Compare(place, after.Value) > 0) && filter.Matches(line))
                    {
                        waiting.Enqueue(line.ToRecord(), place);
                    }
                }
            }

            snapshot.Release(day);
            while (waiting.TryDequeue(out var next, out _))
            {
                yield return next;
            }
        }
    }

    /// <summary>The matching lines, in no order; each is valid until the next.</summary>
    public static IEnumerable<JsonlLine> Matching(JsonlSnapshot snapshot, JsonlFilter filter, CancellationToken cancellationToken)
    {
        var reader = new JsonlBlockReader();
        foreach (var (file, block) in snapshot.Pass().Where(source => filter.MayMatch(source.Block)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var line in reader.Records(file, block))
            {
                if (filter.Matches(line))
                {
                    yield return line;
                }
            }
        }
    }

    public static RequestRecord? Find(JsonlSnapshot snapshot, long id)
    {
        var reader = new JsonlBlockReader();
        return snapshot.Pass().Where(source => source.Block.MinId <= id && source.Block.MaxId >= id)
            .SelectMany(source => reader.Records(source.File, source.Block)).FirstOrDefault(line => line.Id == id)?.ToRecord();
    }

    /// <summary>From the blocks' own lists; only blocks with very many models are read.</summary>
    public static IReadOnlyList<string> Models(JsonlSnapshot snapshot, CancellationToken cancellationToken)
    {
        var (models, reader) = (new HashSet<string>(StringComparer.Ordinal), new JsonlBlockReader());
        foreach (var (file, block) in snapshot.Pass())
        {
            cancellationToken.ThrowIfCancellationRequested();
            models.UnionWith(block.Models ?? reader.Records(file, block).Select(line => line.Text(RecordFields.Model)).OfType<string>());
        }

        return [.. models.Order(StringComparer.Ordinal)];
    }

    /// <summary>The first records of another order: reads all records and keeps the best in a heap whose top is the worst of them.</summary>
    private static List<(RequestRecord Record, double? Value)> Best(
        JsonlSnapshot snapshot, JsonlFilter filter, JsonlOrder order, (double? Value, long Id)? after, int count, CancellationToken cancellationToken)
    {
        var reader = new JsonlBlockReader();
        var best = new PriorityQueue<RequestRecord, (double? Value, long Id)>(Comparer<(double? Value, long Id)>.Create((x, y) => order.Compare(y, x)));
        foreach (var (file, block) in snapshot.Pass().Where(source => filter.MayMatch(source.Block)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var line in reader.Records(file, block))
            {
                var place = (order.ValueOf(line), line.Id);
                if ((after is { } last && order.Compare(place, last) <= 0) ||
                    (best.Count == count && best.TryPeek(out _, out var worst) && order.Compare(place, worst) >= 0) || !filter.Matches(line))
                {
                    continue;
                }

                best.Enqueue(line.ToRecord(), place);
                if (best.Count > count)
                {
                    best.Dequeue();
                }
            }
        }

        return [.. best.UnorderedItems.OrderBy(item => item.Priority, order).Select(item => (item.Element, item.Priority.Value))];
    }

    private static bool IsBefore(JsonlBlock block, bool ascending, (double? Value, long Id)? after) =>
        after is { Value: { } time } && (ascending ? block.MaxTime < time : block.MinTime > time);
}
