using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Import;

/// <summary>Writes records in batches and skips those that the store already has.</summary>
/// <param name="store">The store.</param>
/// <param name="keepFrom">Older records are left out; null for none.</param>
/// <param name="progress">Receives the number of records read.</param>
internal sealed class RecordImport(IAnalyticsStore store, DateTimeOffset? keepFrom, IProgress<long>? progress)
{
    /// <summary>Records in one write.</summary>
    private const int BatchSize = 1_000;

    /// <summary>No store keeps times more coarsely than this.</summary>
    private static readonly TimeSpan s_grain = TimeSpan.FromMilliseconds(1);

    private readonly List<RequestRecord> _batch = new(BatchSize);
    private long _imported;
    private long _alreadyThere;

    /// <param name="records">The records; null for a row whose time cannot be read.</param>
    /// <param name="cancellationToken">Ends the import; what was written stays.</param>
    public async Task<ImportResult> RunAsync(IAsyncEnumerable<RequestRecord?> records, CancellationToken cancellationToken)
    {
        long seen = 0, tooOld = 0, withoutTime = 0;
        await foreach (var record in records.WithCancellation(cancellationToken))
        {
            progress?.Report(++seen);
            if (record is null)
            {
                withoutTime++;
            }
            else if (record.Timestamp < keepFrom)
            {
                tooOld++;
            }
            else
            {
                _batch.Add(record);
            }

            if (_batch.Count == BatchSize)
            {
                await WriteAsync(cancellationToken);
            }
        }

        await WriteAsync(cancellationToken);
        return new ImportResult(_imported, _alreadyThere, tooOld, withoutTime);
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        if (_batch.Count == 0)
        {
            return;
        }

        // The range is short, because records arrive in order of time.
        var range = new RequestFilter { From = _batch.Min(record => record.Timestamp) - s_grain, To = _batch.Max(record => record.Timestamp) + s_grain };
        var known = await store.RequestIdsAsync(range, cancellationToken);
        _alreadyThere += _batch.RemoveAll(record => known.Contains(record.RequestId));
        if (_batch.Count > 0)
        {
            await store.WriteAsync(_batch, cancellationToken);
            _imported += _batch.Count;
            _batch.Clear();
        }
    }
}
