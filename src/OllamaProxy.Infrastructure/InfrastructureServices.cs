using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Infrastructure;

/// <summary>Everything this layer brings. The options are registered by the host, already validated.</summary>
public static class InfrastructureServices
{
    public static IServiceCollection AddInfrastructure(this IServiceCollection services)
    {
        services.AddSingleton(static provider => new ReopeningStore(
            provider.GetRequiredService<AnalyticsOptions>(),
            suspicion => AnalyticsBackends.Create(provider, suspicion),
            provider.GetRequiredService<StoreHealth>(),
            provider.GetRequiredService<ILogger<ReopeningStore>>()));
        services.AddSingleton<IAnalyticsStore>(static provider => provider.GetRequiredService<ReopeningStore>());
        services.AddSingleton<IRecordSpool>(static provider => provider.GetRequiredService<AnalyticsOptions>() is { Database: not null } options
            ? new PostgresSpool(options, provider.GetRequiredService<ILogger<PostgresSpool>>())
            : new NoSpool());
        services.AddSingleton<IOllamaProcessSupervisor, OllamaProcessSupervisor>();
        services.AddSingleton<IOllamaClient, OllamaClient>();
        services.AddSingleton<ProxyInstance>();
        return services;
    }
}
