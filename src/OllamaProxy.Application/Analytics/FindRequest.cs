using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>One record.</summary>
public sealed record FindRequest(RecordKey Key) : IRequest<FindResult>;

/// <summary>The record; null when there is none.</summary>
public sealed record FindResult(RequestRecord? Record);

internal sealed class FindRequestHandler(IAnalyticsStore store) : IRequestHandler<FindRequest, FindResult>
{
    public async Task<FindResult> Handle(FindRequest query, CancellationToken cancellationToken) => new(await query.Key.FindAsync(store, cancellationToken));
}
