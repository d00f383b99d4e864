using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.SimulatedOllama;

/// <summary>
/// An Ollama without a model: a real HTTP server with the protocol of the recorded 0.32.15 (tests/transcripts) that generates words at a given speed, for the
/// demo and for tests.
/// </summary>
public sealed class SimulatedOllamaServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Router _router;
    private readonly HostRules _hosts;
    private readonly ConcurrentQueue<ReceivedRequest> _received = new();
    private readonly bool _keepsRequests;

    private SimulatedOllamaServer(SimulatedOllamaOptions options, bool keepsRequests)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "ollama", ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        // Like the real one it does not drain: a stop cuts running requests. Signals belong to the program that started it.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.Zero);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MaxRequestHeadersTotalSize = 1 << 20;
            kestrel.Limits.MaxRequestLineSize = 1 << 20;
            kestrel.Limits.MaxRequestHeaderCount = 10_000;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromDays(1);
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromDays(1);
            kestrel.AllowHostHeaderOverride = true;
            kestrel.AllowSynchronousIO = false;
            kestrel.Listen(IPAddress.Parse(options.Address), options.Port, endpoint => endpoint.Protocols = HttpProtocols.Http1);
        });
        _app = builder.Build();
        _router = new Router(new Inference(new Models(options), options, Faults), options);
        _hosts = new HostRules(IPAddress.IsLoopback(IPAddress.Parse(options.Address)));
        _keepsRequests = keepsRequests;
        _app.Run(HandleAsync);
    }

    /// <summary>The address it listens on.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1");

    /// <summary>The planned faults.</summary>
    public FaultPlan Faults { get; } = new();

    /// <summary>Every request so far, in order of arrival; empty when they are not kept.</summary>
    public IReadOnlyList<ReceivedRequest> Received => [.. _received];

    /// <param name="options">The options; null for the defaults.</param>
    /// <param name="keepsRequests">False for a long run, in which the list of requests would grow forever.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    public static async Task<SimulatedOllamaServer> StartAsync(SimulatedOllamaOptions? options = null, bool keepsRequests = true,
        CancellationToken cancellationToken = default)
    {
        var server = new SimulatedOllamaServer(options ?? new SimulatedOllamaOptions(), keepsRequests);
        try
        {
            await server._app.StartAsync(cancellationToken);
        }
        catch
        {
            await server._app.DisposeAsync();
            throw;
        }

        server.Address = new Uri(server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return server;
    }

    /// <summary>Stops at once; running streams are cut.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var received = new ReceivedRequest(
            context.Request.Method,
            target,
            [.. context.Request.Headers.SelectMany(header => header.Value.Select(value => KeyValuePair.Create(header.Key, value ?? "")))]);
        if (_keepsRequests)
        {
            _received.Enqueue(received);
        }

        using var registration = context.RequestAborted.Register(() => received.ClientLeft = !received.IsAnswered);
        var path = PathOf(context, target);
        var call = new Call(context, received, path);
        try
        {
            if (!_hosts.Answer(context, _router.Allow(path, context.Request.Method)))
            {
                await AnswerAsync(call);
            }

            await context.Response.CompleteAsync();
            received.IsAnswered = true;
        }
        catch (ConnectionCut)
        {
            // As if the process died: sent bytes stay sent, and the last chunk never comes.
            if (!context.Response.HasStarted)
            {
                await context.Response.StartAsync();
            }

            await context.Response.Body.FlushAsync();
            context.Abort();
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            received.ClientLeft = true;
            context.Abort();
        }
    }

    private async Task AnswerAsync(Call call)
    {
        try
        {
            await _router.AnswerAsync(call);
        }
        catch (ApiFailure failure)
        {
            var early = call.Body == Arguments.Empty;
            await (Dialect(call.Path) switch
            {
                'o' => OpenAiApi.FailAsync(call, failure.Status, failure.Message, withCharset: early && call.Request.Method == "POST"),
                'a' => AnthropicApi.FailAsync(call, failure.Status, failure.Message, withCharset: early),
                _ => call.FailAsync(failure),
            });
        }
        catch (OpenAiFailure failure)
        {
            await (Dialect(call.Path) == 'a'
                ? AnthropicApi.FailAsync(call, failure.Status, failure.Message, failure.WithCharset)
                : OpenAiApi.FailAsync(call, failure.Status, failure.Message, failure.WithCharset));
        }
    }

    private static char Dialect(string path) =>
        path.StartsWith("/v1/messages", StringComparison.Ordinal) ? 'a' : path.StartsWith("/v1/", StringComparison.Ordinal) ? 'o' : 'n';

    private static string PathOf(HttpContext context, string target)
    {
        var path = target.StartsWith('/') ? target : context.Request.Path.ToString();
        return path.Split('?', 2)[0];
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
