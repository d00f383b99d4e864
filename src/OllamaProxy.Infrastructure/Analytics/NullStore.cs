using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Keeps nothing, and says so. Metrics still work.</summary>
internal sealed class NullStore : IAnalyticsStore
{
    public string Backend => "none";

    public bool Remembers => false;

    public Task OpenAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken) => Task.CompletedTask;

    public IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, CancellationToken cancellationToken) => AsyncEnumerable.Empty<RequestRecord>();

    public Task<AnalyticsStats> GetStatsAsync(CancellationToken cancellationToken) => Task.FromResult(new AnalyticsStats { Backend = Backend });

    public Task<long> PurgeAsync(DateTimeOffset before, CancellationToken cancellationToken) => Task.FromResult(0L);
}
