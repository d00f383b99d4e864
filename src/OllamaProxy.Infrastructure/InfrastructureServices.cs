using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Infrastructure;

/// <summary>Everything this layer brings. The options are registered by the host, already validated.</summary>
public static class InfrastructureServices
{
    public static IServiceCollection AddInfrastructure(this IServiceCollection services)
    {
        services.AddSingleton(AnalyticsBackends.Create);
        services.AddSingleton<IOllamaProcessSupervisor, OllamaProcessSupervisor>();
        services.AddSingleton<IOllamaClient, OllamaClient>();
        services.AddSingleton<ProxyInstance>();
        return services;
    }
}
