using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Workers;

namespace OllamaProxy.Host.Proxy;

/// <summary>The byte path: everything that is not one of our own paths goes to Ollama.</summary>
internal static class ProxyPipeline
{
    private const int OneMebibyte = 1024 * 1024;

    /// <summary>Kestrel takes an infinite time for the longest one, adds a second, and the sum is in the past: it closed what was idle at its next tick.</summary>
    private static readonly TimeSpan s_forEver = TimeSpan.FromDays(36_500);

    public static void AddProxyPipeline(this IServiceCollection services)
    {
        services.AddHttpForwarder();
        services.AddSingleton<IMemoryPoolFactory<byte>, WideBlocks>();
        services.AddSingleton<OllamaConnections>();
        services.AddSingleton<ConcurrencyGate>();
        services.AddSingleton<RunningRequests>();
        services.AddSingleton(new DecoderBudget());
        services.AddSingleton<IInferenceProgress, InferenceProgress>();
        services.AddSingleton<GraceEnd>();
        services.AddSingleton<StartWait>();
        services.AddSingleton<ExchangeMiddleware>();
    }

    /// <summary>Kestrel as Ollama's own server is: HTTP/1, and without a time-out or a limit that Ollama does not have. All of them are lifted here.</summary>
    public static void ConfigureKestrel(this WebApplicationBuilder builder, ProxyOptions options)
    {
        builder.Services.AddSingleton<IConnectionListenerFactory, ClientSockets>();
        // See InlineSockets.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // An absolute-form target may name another host than the Host header: Ollama does not mind.
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
            // An idle close breaks clients that keep a connection in a pool; Ollama never closes one.
            limits.KeepAliveTimeout = s_forEver;
            limits.RequestHeadersTimeout = s_forEver;
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http1);
            foreach (var address in options.Addresses)
            {
                kestrel.Listen(address, options.Port);
            }
        });
    }

    /// <param name="app">The application.</param>
    /// <param name="hasMetrics">False when <c>/metrics</c> has a port of its own; here it then is Ollama's.</param>
    /// <param name="own">Maps the paths that are ours.</param>
    public static void UseProxyPipeline(this WebApplication app, bool hasMetrics, Action<IEndpointRouteBuilder> own)
    {
        app.MapWhen(
            context => OwnPaths.Contains(context.Features.Get<IHttpRequestFeature>()!.RawTarget, hasMetrics),
            branch =>
            {
                branch.Use(PoolScheduler.RunAsync);
                branch.UseRouting();
                branch.UseEndpoints(own);
            });
        var exchanges = app.Services.GetRequiredService<ExchangeMiddleware>();
        app.Run(exchanges.InvokeAsync);
    }
}
