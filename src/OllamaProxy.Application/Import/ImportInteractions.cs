using MediatR;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Import;

/// <summary>Brings the original program's rows into the store. What is there already is left out, so it may be repeated.</summary>
/// <param name="Rows">The rows, in any order.</param>
/// <param name="KeepFrom">Older records would be removed by the next retention, and are left out; null for all of them.</param>
/// <param name="Progress">Hears how many rows have been looked at.</param>
public sealed record ImportInteractions(IAsyncEnumerable<OriginalInteraction> Rows, DateTimeOffset? KeepFrom, IProgress<long>? Progress = null) : IRequest<ImportResult>;

/// <param name="Imported">Records that are new in the store.</param>
/// <param name="AlreadyThere">Rows that an earlier import brought.</param>
/// <param name="TooOld">Rows older than what is kept.</param>
/// <param name="WithoutTime">Rows whose time could not be read.</param>
public sealed record ImportResult(long Imported, long AlreadyThere, long TooOld, long WithoutTime);

internal sealed class ImportInteractionsHandler(IAnalyticsStore store, RecordTexts texts) : IRequestHandler<ImportInteractions, ImportResult>
{
    /// <summary>Records in one write.</summary>
    private const int BatchSize = 1_000;

    /// <summary>No store keeps times more coarsely than this.</summary>
    private static readonly TimeSpan s_grain = TimeSpan.FromMilliseconds(1);

    public async Task<ImportResult> Handle(ImportInteractions command, CancellationToken cancellationToken)
    {
        List<RequestRecord> batch = new(BatchSize);
        long rows = 0, imported = 0, alreadyThere = 0, tooOld = 0, withoutTime = 0;
        await foreach (var row in command.Rows.WithCancellation(cancellationToken))
        {
            command.Progress?.Report(++rows);
            switch (OriginalRecords.Of(row, texts))
            {
                case null:
                    withoutTime++;
                    break;
                case var record when record.Timestamp < command.KeepFrom:
                    tooOld++;
                    break;
                case var record:
                    batch.Add(record);
                    break;
            }

            if (batch.Count == BatchSize)
            {
                await WriteAsync();
            }
        }

        await WriteAsync();
        return new ImportResult(imported, alreadyThere, tooOld, withoutTime);

        async Task WriteAsync()
        {
            var known = await KnownAsync(batch, cancellationToken);
            alreadyThere += batch.RemoveAll(record => known.Contains(record.RequestId));
            if (batch.Count > 0)
            {
                await store.WriteAsync(batch, cancellationToken);
                imported += batch.Count;
                batch.Clear();
            }
        }
    }

    /// <summary>What the store has of the time of a batch, which is short: rows stand in the order in which they were written.</summary>
    private async Task<HashSet<string>> KnownAsync(List<RequestRecord> batch, CancellationToken cancellationToken)
    {
        HashSet<string> known = new(StringComparer.Ordinal);
        if (batch.Count > 0)
        {
            var range = new RequestFilter { From = batch.Min(record => record.Timestamp) - s_grain, To = batch.Max(record => record.Timestamp) + s_grain };
            await foreach (var record in store.ReadAsync(range, cancellationToken))
            {
                known.Add(record.RequestId);
            }
        }

        return known;
    }
}
