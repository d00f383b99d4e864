using System.Net;
using System.Net.Sockets;
using System.Text;
using MediatR;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using OllamaProxy.Application.Recording;
using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Supervision;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>The whole program with a simulated Ollama, a history, and applications that use it, to try it without Ollama or a GPU.</summary>
internal static class DemoRun
{
    /// <summary>Concurrent inferences: few, so the queue is used occasionally.</summary>
    public const int Concurrent = 4;

    /// <summary>The limit of the queue.</summary>
    public const int Queued = 8;

    /// <param name="settings">The settings; unset ones are adapted to the demo.</param>
    /// <param name="values">Tells which settings are set.</param>
    /// <param name="opensBrowser">Whether to open the dashboard in the browser.</param>
    /// <param name="cancellationToken">Ends the demo.</param>
    public static async Task<int> RunAsync(ProxySettings settings, SettingValues values, bool opensBrowser, CancellationToken cancellationToken)
    {
        if (settings.Analytics.Database is not null)
        {
            // Invented records do not belong in a team's database.
            settings = settings with { Analytics = settings.Analytics with { Backend = new AnalyticsOptions().Backend, Database = null } };
        }

        await using var ollama = await SimulatedOllamaServer.StartAsync(DemoOllama.Options, keepsRequests: false, cancellationToken);
        var isTemporary = HasStore(settings) && settings.Analytics.Directory == new AnalyticsOptions().Directory;
        var folder = isTemporary ? Directory.CreateTempSubdirectory("ollama-proxy-demo-") : null;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var counter = new DemoCounter();
        var (adapted, portHolder) = Adapt(settings, values);
        var live = Task.CompletedTask;
        try
        {
            return await ServeCommand.RunAsync(
                adapted with
                {
                    Ollama = adapted.Ollama with { BackendUrl = ollama.Address },
                    Analytics = folder is null ? adapted.Analytics : adapted.Analytics with { Directory = folder.FullName },
                },
                new ServeHooks
                {
                    HasBanner = false,
                    Configure = builder =>
                    {
                        builder.Services.AddHostedService<DemoHistoryWorker>();
                        builder.Services.AddSingleton<INotificationHandler<RequestRecorded>>(counter);
                    },
                    OnReady = app =>
                    {
                        var address = AddressOf(app);
                        Console.Out.WriteLine(Text(address, adapted, isTemporary, portHolder));
                        if (opensBrowser && DefaultBrowser.Open(new Uri(address, "analytics")) is { } problem)
                        {
                            Console.Error.WriteLine($"The browser could not be opened: {problem}");
                        }

                        app.Lifetime.ApplicationStopping.Register(stopping.Cancel);
                        var time = app.Services.GetRequiredService<TimeProvider>();
                        var line = new DemoStatusLine(counter, app.Services.GetRequiredService<RunningRequests>(), address, time);
                        live = Task.WhenAll(
                            DemoTraffic.RunAsync(address, ollama.Faults, time, stopping.Token),
                            adapted.Log.IsConsole ? Task.CompletedTask : line.RunAsync(stopping.Token));
                    },
                },
                cancellationToken);
        }
        finally
        {
            await stopping.CancelAsync();
            await live;
            folder?.Delete(recursive: true);
        }
    }

    /// <summary>Adapts the unset settings to the demo; names the owner of the default port when a free one is used instead.</summary>
    private static (ProxySettings Settings, string? PortHolder) Adapt(ProxySettings settings, SettingValues values)
    {
        var proxy = settings.Proxy;
        var portHolder = IsSet("PROXY_PORT") ? null : HolderOf(proxy.Port);
        return (settings with
        {
            Proxy = proxy with
            {
                Port = portHolder is null ? proxy.Port : 0,
                // With several addresses, each would get its own free port.
                Addresses = portHolder is null || IsSet("PROXY_HOST") ? proxy.Addresses : [IPAddress.Loopback],
                // The applications of the demo run on this machine and name their supposed addresses.
                TrustedProxies = [.. proxy.TrustedProxies, .. TrustedNetworks.Parse("localhost")!],
            },
            Gate = settings.Gate with
            {
                MaxConcurrent = IsSet("MAX_CONCURRENT_REQUESTS") ? settings.Gate.MaxConcurrent : Concurrent,
                MaxQueued = IsSet("MAX_QUEUED_REQUESTS") ? settings.Gate.MaxQueued : Queued,
            },
            Ollama = IsSet("OLLAMA_POLL_SECONDS") ? settings.Ollama : settings.Ollama with { PollPeriod = TimeSpan.FromSeconds(2) },
            Recording = IsSet("ANALYTICS_PREVIEW_LENGTH") ? settings.Recording : settings.Recording with { PreviewLength = 4_000 },
            Log = IsSet("LOG_LEVEL") ? settings.Log : settings.Log with { IsConsole = false },
        }, portHolder);

        bool IsSet(string name) => !string.IsNullOrWhiteSpace(values.Get(name));
    }

    /// <summary>The program that listens on a local port, readable by a person; null when the port is free.</summary>
    private static string? HolderOf(int port)
    {
        foreach (var address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            try
            {
                using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(address, port));
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                return PortOwner.Find(port)?.Describe() is { Length: > 0 } known ? known : "another program";
            }
            // A machine without IPv6.
            catch (SocketException)
            {
            }
        }

        return null;
    }

    private static bool HasStore(ProxySettings settings) => settings.Analytics.Backend != "none";

    private static Uri AddressOf(WebApplication app)
    {
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return address.Host is "0.0.0.0" or "[::]" ? new Uri($"http://127.0.0.1:{address.Port}") : address;
    }

    private static string Text(Uri address, ProxySettings settings, bool isTemporary, string? portHolder)
    {
        var text = new StringBuilder()
            .AppendLine("ollama-proxy demo: a simulated Ollama, applications that use it, and a week of history.")
            .AppendLine()
            .AppendLine(HasStore(settings) ? $"  Dashboard  {address}analytics" : $"  Listening  {address} (no dashboard: ANALYTICS_BACKEND=none)");
        if (settings.Scrape.Port is null)
        {
            text.AppendLine($"  Metrics    {address}metrics");
        }

        text.AppendLine($$"""  Try it     curl {{address}}api/generate -d '{"model":"llama3.2:3b","prompt":"Hello"}'""");
        if (portHolder is not null)
        {
            text.AppendLine($"  Port       {portHolder} uses port {new ProxyOptions().Port}, so the demo took a free one");
        }

        if (HasStore(settings))
        {
            var place = isTemporary ? "temporary, deleted at exit (ANALYTICS_DIR keeps them)" : $"kept in {Path.GetFullPath(settings.Analytics.Directory)}";
            text.AppendLine($"  Records    {place}");
        }

        return text.AppendLine().Append("  Ctrl+C stops it.").ToString();
    }
}
