using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>One record by its position in the store.</summary>
public sealed record FindRequest(long Id) : IRequest<FindResult>;

/// <summary>The record; null when there is none of that position.</summary>
public sealed record FindResult(RequestRecord? Record);

internal sealed class FindRequestHandler(IAnalyticsStore store) : IRequestHandler<FindRequest, FindResult>
{
    public async Task<FindResult> Handle(FindRequest query, CancellationToken cancellationToken) => new(await store.FindAsync(query.Id, cancellationToken));
}
