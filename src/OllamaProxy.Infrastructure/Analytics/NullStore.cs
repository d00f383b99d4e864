using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Keeps nothing. Metrics still work.</summary>
internal sealed class NullStore : IAnalyticsStore
{
    public string Backend => "none";

    public bool Remembers => false;

    public Task OpenAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken) => Task.CompletedTask;

    public IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, CancellationToken cancellationToken) => AsyncEnumerable.Empty<RequestRecord>();

    public Task<IReadOnlySet<string>> RequestIdsAsync(RequestFilter filter, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<string>>(new HashSet<string>());

    public Task<StoreInfo> DescribeAsync(CancellationToken cancellationToken) => Task.FromResult(new StoreInfo { Backend = Backend });

    public Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken) => Task.FromResult(new RequestPage([], null));

    public Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken) => Task.FromResult<RequestRecord?>(null);

    public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<string>>([]);

    public Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken) =>
        Task.FromResult(new RequestStats { Total = StatLine.Empty });

    public Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken) => Task.FromResult(0L);

    public Task<bool> DeleteAsync(long id, CancellationToken cancellationToken) => Task.FromResult(false);

    public Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken) => Task.FromResult(new RetentionResult(0, 0));
}
