using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Threading;
using OllamaProxy.Host.Upstream;
using OllamaProxy.Host.Workers;

namespace OllamaProxy.Host.Proxy;

/// <summary>Registers the byte path. Every path but the local ones goes to Ollama.</summary>
internal static class ProxyPipeline
{
    private const int OneMebibyte = 1024 * 1024;

    /// <summary>Not infinite: Kestrel adds a second, the sum overflows, and it closes idle connections at its next tick.</summary>
    private static readonly TimeSpan s_forEver = TimeSpan.FromDays(36_500);

    public static void AddProxyPipeline(this IServiceCollection services)
    {
        services.AddHttpForwarder();
        services.AddSingleton<IMemoryPoolFactory<byte>, WideBlocks>();
        services.AddSingleton<UpstreamPool>();
        services.AddSingleton<ConcurrencyGate>();
        services.AddSingleton<RunningRequests>();
        services.AddSingleton<IInferenceProgress>(static services => services.GetRequiredService<RunningRequests>());
        services.AddSingleton(new DecoderBudget());
        services.AddSingleton<GraceEnd>();
        services.AddSingleton<StartWait>();
        services.AddSingleton<ExchangeCompletion>();
        services.AddSingleton<ExchangeMiddleware>();
    }

    /// <summary>Configures Kestrel like Ollama's own server: HTTP/1, and no timeout or limit that Ollama does not have.</summary>
    public static void ConfigureKestrel(this WebApplicationBuilder builder, ProxyOptions options)
    {
        builder.Services.AddSingleton<IConnectionListenerFactory, ClientSockets>();
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // Ollama accepts an absolute-form target that names another host than the Host header.
            kestrel.AllowHostHeaderOverride = true;
            kestrel.RequestHeaderEncodingSelector = RequestHeaderEncoding.Of;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            var limits = kestrel.Limits;
            limits.MaxRequestBodySize = null;
            limits.MinRequestBodyDataRate = null;
            limits.MinResponseDataRate = null;
            limits.MaxRequestLineSize = OneMebibyte;
            limits.MaxRequestHeadersTotalSize = OneMebibyte;
            limits.MaxRequestBufferSize = 2 * OneMebibyte;
            // Kestrel joins the lines of a repeated header in quadratic time; no client comes near so many.
            limits.MaxRequestHeaderCount = 2_000;
            // Ollama never closes an idle connection, and a close breaks clients that pool connections.
            limits.KeepAliveTimeout = s_forEver;
            limits.RequestHeadersTimeout = s_forEver;
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http1);
            foreach (var address in options.Addresses)
            {
                kestrel.Listen(address, options.Port);
            }
        });
    }

    /// <summary>Maps the local paths with <paramref name="mapLocal"/>. <c>/metrics</c> belongs to Ollama when it has a port of its own.</summary>
    public static void UseProxyPipeline(this WebApplication app, bool hasMetrics, Action<IEndpointRouteBuilder> mapLocal)
    {
        app.MapWhen(
            context => LocalPaths.Contains(context.Features.Get<IHttpRequestFeature>()!.RawTarget, hasMetrics),
            branch =>
            {
                branch.Use(PoolScheduler.RunAsync);
                branch.UseRouting();
                branch.UseEndpoints(mapLocal);
            });
        app.Run(app.Services.GetRequiredService<ExchangeMiddleware>().InvokeAsync);
    }
}
