using MediatR;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>What the store holds and what still waits for it.</summary>
public sealed record GetStats : IRequest<StatsResult>;

/// <param name="Store">The store's own numbers.</param>
/// <param name="QueueSize">Exchanges not recorded yet.</param>
public sealed record StatsResult(AnalyticsStats Store, int QueueSize);

internal sealed class GetStatsHandler(IAnalyticsStore store, ExchangeQueue queue) : IRequestHandler<GetStats, StatsResult>
{
    public async Task<StatsResult> Handle(GetStats query, CancellationToken cancellationToken) =>
        new(await store.GetStatsAsync(cancellationToken), queue.Reader.Count);
}
