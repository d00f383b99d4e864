using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>A store on a server, which may be away for a while and come back as it was.</summary>
internal interface IServerStore : IAnalyticsStore
{
    /// <summary>Writes something small. Throws <see cref="AnalyticsStoreException"/> when the server does not take it.</summary>
    Task CheckAsync(CancellationToken cancellationToken);
}
