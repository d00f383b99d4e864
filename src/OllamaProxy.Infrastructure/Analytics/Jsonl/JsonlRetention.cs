using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>Removes what need not be kept: whole days where it can, and parts of the day on which a boundary lies. One call at a time.</summary>
internal sealed class JsonlRetention(JsonlCatalog catalog, JsonlRewriter rewriter)
{
    public async Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken)
    {
        var (records, texts) = (0L, 0L);
        foreach (var day in Days())
        {
            if (rules.RecordsBefore is { } before)
            {
                records += await RemoveBeforeAsync(day, Micros.Of(before), cancellationToken);
            }

            if (rules.TextBefore is { } textBefore)
            {
                var boundary = Micros.Of(textBefore);
                var change = new JsonlChange(block => block.OldestText < boundary,
                    line => line.HasText && line.Time < boundary ? JsonlFate.RemoveText : JsonlFate.Keep);
                texts += await rewriter.RewriteAsync(day, change, compress: false, cancellationToken);
            }
        }

        if (rules.MaxBytes is { } maxBytes)
        {
            records += await ShrinkAsync(maxBytes, cancellationToken);
        }

        return new RetentionResult(records, texts);
    }

    public async Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken)
    {
        var (which, removed) = (new JsonlFilter(filter), 0L);
        var change = new JsonlChange(which.MayMatch, line => which.Matches(line) ? JsonlFate.Remove : JsonlFate.Keep);
        foreach (var day in Days())
        {
            removed += await rewriter.RewriteAsync(day, change, compress: false, cancellationToken);
        }

        return removed;
    }

    public async Task<bool> DeleteAsync(long id, CancellationToken cancellationToken)
    {
        var change = new JsonlChange(block => block.MinId <= id && block.MaxId >= id, line => line.Id == id ? JsonlFate.Remove : JsonlFate.Keep);
        foreach (var day in Days())
        {
            if (await rewriter.RewriteAsync(day, change, compress: false, cancellationToken) > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Oldest first.</summary>
    private List<DateOnly> Days()
    {
        using var snapshot = catalog.Take();
        return [.. snapshot.Days.Reverse().Select(day => day.Day)];
    }

    private async Task<long> RemoveBeforeAsync(DateOnly day, long boundary, CancellationToken cancellationToken)
    {
        if (day < JsonlCatalog.DayOf(boundary))
        {
            return await rewriter.RemoveAsync(day, cancellationToken);
        }

        var change = new JsonlChange(block => block.MinTime < boundary, line => line.Time < boundary ? JsonlFate.Remove : JsonlFate.Keep);
        return day == JsonlCatalog.DayOf(boundary) ? await rewriter.RewriteAsync(day, change, compress: false, cancellationToken) : 0;
    }

    private async Task<long> ShrinkAsync(long maxBytes, CancellationToken cancellationToken)
    {
        var removed = 0L;
        while (catalog.SizeBytes() - maxBytes is > 0 and var excess && Days() is [var oldest, ..])
        {
            var boundary = Boundary(oldest, excess);
            var change = new JsonlChange(block => block.MinTime <= boundary, line => line.Time <= boundary ? JsonlFate.Remove : JsonlFate.Keep);
            removed += boundary is null
                ? await rewriter.RemoveAsync(oldest, cancellationToken)
                : await rewriter.RewriteAsync(oldest, change, compress: false, cancellationToken);
        }

        return removed;
    }

    /// <summary>The time of the newest record of a day that must go; null when all of them must.</summary>
    private long? Boundary(DateOnly day, long excess)
    {
        using var snapshot = catalog.Take(day);
        if (snapshot.Blocks.Sum(source => (long)source.Block.Length) <= excess)
        {
            return null;
        }

        var reader = new JsonlBlockReader();
        foreach (var (file, block) in snapshot.Blocks.OrderBy(source => source.Block.MaxTime).ToList())
        {
            if (block.Length <= excess)
            {
                excess -= block.Length;
                continue;
            }

            var share = (double)block.Length / block.RawLength;
            foreach (var (time, length) in reader.Records(file,
                block).Select(line => (line.Time, Length: line.Bytes.Length + 1)).OrderBy(line => line.Time).ToList())
            {
                if ((excess -= (long)Math.Ceiling(length * share)) <= 0)
                {
                    return time;
                }
            }
        }

        return null;
    }
}
