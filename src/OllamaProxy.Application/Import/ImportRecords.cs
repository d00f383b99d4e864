using MediatR;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Import;

/// <summary>Imports the records of another store. It skips records that this store already has, so it can be repeated.</summary>
/// <param name="Records">The records, in the order of time.</param>
/// <param name="KeepFrom">Older records would be removed by the next retention, and are left out; null for all of them.</param>
/// <param name="Progress">Receives the number of records read.</param>
public sealed record ImportRecords(IAsyncEnumerable<RequestRecord> Records, DateTimeOffset? KeepFrom, IProgress<long>? Progress = null)
    : IRequest<ImportResult>;

internal sealed class ImportRecordsHandler(IAnalyticsStore store) : IRequestHandler<ImportRecords, ImportResult>
{
    public Task<ImportResult> Handle(ImportRecords command, CancellationToken cancellationToken) =>
        new RecordImport(store, command.KeepFrom, command.Progress).RunAsync(command.Records, cancellationToken);
}
