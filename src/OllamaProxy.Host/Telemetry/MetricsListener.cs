using System.Net;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Threading;

namespace OllamaProxy.Host.Telemetry;

/// <summary>The port of <c>METRICS_PORT</c>. Its connections are marked, because the system may have chosen the port number.</summary>
internal static class MetricsListener
{
    private static readonly object s_mark = new();

    public static void ListenForMetrics(this KestrelServerOptions kestrel, IEnumerable<IPAddress> addresses, int port)
    {
        foreach (var address in addresses)
        {
            kestrel.Listen(address, port, listen => listen.Use(next => connection =>
            {
                connection.Items[s_mark] = s_mark;
                return next(connection);
            }));
        }
    }

    /// <summary>Serves only the mapped paths on that port, none of Ollama's.</summary>
    public static void UseMetricsListener(this WebApplication app, Action<IEndpointRouteBuilder> own) => app.MapWhen(
        static context => context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(s_mark) == true,
        branch =>
        {
            branch.Use(PoolScheduler.RunAsync);
            branch.UseRouting();
            branch.UseEndpoints(own);
        });
}
