using MediatR;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;

namespace OllamaProxy.Application.Import;

/// <summary>Brings the original program's rows into the store. What is there already is left out, so it may be repeated.</summary>
/// <param name="Rows">The rows, in any order.</param>
/// <param name="KeepFrom">Older records would be removed by the next retention, and are left out; null for all of them.</param>
/// <param name="Progress">Receives the number of rows read.</param>
public sealed record ImportInteractions(IAsyncEnumerable<OriginalInteraction> Rows, DateTimeOffset? KeepFrom, IProgress<long>? Progress = null)
    : IRequest<ImportResult>;

/// <param name="Imported">Records that are new in the store.</param>
/// <param name="AlreadyThere">Rows that an earlier import brought.</param>
/// <param name="TooOld">Rows older than what is kept.</param>
/// <param name="WithoutTime">Rows whose time could not be read.</param>
public sealed record ImportResult(long Imported, long AlreadyThere, long TooOld, long WithoutTime);

internal sealed class ImportInteractionsHandler(IAnalyticsStore store, RecordTexts texts) : IRequestHandler<ImportInteractions, ImportResult>
{
    public Task<ImportResult> Handle(ImportInteractions command, CancellationToken cancellationToken) =>
        new RecordImport(store, command.KeepFrom, command.Progress).RunAsync(command.Rows.Select(row => OriginalRecords.Of(row, texts)), cancellationToken);
}
