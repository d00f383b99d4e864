using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Threading;
using OllamaProxy.Host.Workers;
using OllamaProxy.Infrastructure.Logging;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands;

/// <summary>Runs the proxy until it stops.</summary>
internal static class ServeCommand
{
    private static readonly TimeSpan s_lastLine = TimeSpan.FromSeconds(1);

    public static Task<int> RunAsync(ProxySettings settings, CancellationToken cancellationToken) => RunAsync(settings, new ServeHooks(), cancellationToken);

    /// <summary>Runs the proxy for another command, without a terminal (<see cref="Background"/>).</summary>
    public static Task<int> RunInBackgroundAsync(ProxySettings settings, CancellationToken cancellationToken)
    {
        TerminalSession.Leave();
        return RunAsync(Background.WithLogFiles(settings), new ServeHooks { OnReady = static _ => TerminalSession.CloseStreams() }, cancellationToken);
    }

    /// <summary>Runs the proxy with the additions of another command.</summary>
    public static async Task<int> RunAsync(ProxySettings settings, ServeHooks hooks, CancellationToken cancellationToken)
    {
        try
        {
            InlineSockets.Enable();
            CheckLogFolder(settings.Log);
            OpenSsl.RequireFor(settings);
            using var listeners = await Listeners.BindAsync(settings.Proxy, settings.Scrape, cancellationToken);
            using var interrupts = new Interrupts();
            var code = await RunAsync(settings with { Proxy = settings.Proxy with { Addresses = listeners.Addresses } }, listeners, interrupts, hooks,
                cancellationToken);
            return interrupts.IsAtOnce ? ExitCodes.Interrupted : code;
        }
        catch (StartException exception)
        {
            return await FailAsync(exception.Message);
        }
    }

    private static async Task<int> RunAsync(ProxySettings settings, Listeners listeners, Interrupts interrupts, ServeHooks hooks,
        CancellationToken cancellationToken)
    {
        var (started, answers) = (false, true);
        using var quiet = QuietStart.Begin();
        await using var app = ProxyHost.Build(
            settings with { Ollama = settings.Ollama with { ShimCommand = OwnCommand() }, Analytics = settings.Analytics with { MovesOriginalAside = true } },
            builder =>
            {
                builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = listeners.Take);
                // The start reports each failure once, as a message; the framework would add a stack trace.
                builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => started && level >= LogLevel.Warning);
                hooks.Configure(builder);
            });
        var ollama = app.Services.GetRequiredService<IOllamaProcessSupervisor>();
        interrupts.Watch(app.Lifetime, () => EndAtOnce(app.Services, ollama));
        try
        {
            await app.StartAsync(cancellationToken);
            if (settings.Ollama.BackendUrl is not null)
            {
                answers = await SelfCheck.RefuseLoopAsync(ollama, app.Services.GetRequiredService<ProxyInstance>(), cancellationToken);
                if (!answers)
                {
                    ollama.RequestCheck();
                }
            }
        }
        catch (Exception exception)
        {
            await ollama.StopAsync(CancellationToken.None);
            if (exception is OperationCanceledException && app.Lifetime.ApplicationStopping.IsCancellationRequested)
            {
                return ExitCodes.Success;
            }

            if (await ExplainAsync(exception, settings.Proxy) is { } explanation)
            {
                return await FailAsync(explanation);
            }

            throw;
        }

        started = true;
        quiet.Dispose();
        await WarnAsync(app, settings.Proxy, cancellationToken);
        if (settings.Log.IsConsole && hooks.HasBanner)
        {
            await Console.Out.WriteLineAsync(Banner.Text(app, settings, ollama, answers, listeners.WithoutIPv6));
        }

        hooks.OnReady(app);
        await app.WaitForShutdownAsync(cancellationToken);
        return app.Services.GetRequiredService<RecordBatch>().Lost == 0 ? ExitCodes.Success : ExitCodes.Failed;
    }

    /// <summary>Kills Ollama first, so no later step can keep it alive. Log files get a moment for their last line.</summary>
    private static void EndAtOnce(IServiceProvider services, IOllamaProcessSupervisor ollama)
    {
        ollama.KillAtOnce();
        services.GetRequiredService<StopReport>().ReportEndAtOnce();
        Task.Run(() =>
        {
            foreach (var provider in services.GetServices<ILoggerProvider>())
            {
                provider.Dispose();
            }
        }).Wait(s_lastLine);
    }

    private static async Task WarnAsync(WebApplication app, ProxyOptions options, CancellationToken cancellationToken)
    {
        // A port chosen by the system is free.
        if (options.Port == 0)
        {
            return;
        }

        var instance = app.Services.GetRequiredService<ProxyInstance>();
        foreach (var warning in await SelfCheck.WarningsAsync(options.Addresses, options.Port, instance, cancellationToken))
        {
            await Console.Error.WriteLineAsync($"{Terminal.PaintError(Ansi.Yellow, "warning:")} {warning}");
        }
    }

    private static async Task<string?> ExplainAsync(Exception exception, ProxyOptions options) => exception switch
    {
        StartException or OllamaNotFoundException or AnalyticsStoreException => exception.Message,
        // Another program took the port between binding and listening.
        AddressInUseException
            or IOException { InnerException: AddressInUseException }
            or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } =>
            await Listeners.ExplainAsync(new SocketException((int)SocketError.AddressAlreadyInUse), options.Addresses[0], options.Port, CancellationToken.None),
        _ => null,
    };

    /// <summary>Detects an unwritable log folder at the start.</summary>
    private static void CheckLogFolder(LogOptions options)
    {
        try
        {
            if (options.Directory is { } folder)
            {
                using var file = new RollingFile(Path.GetFullPath(folder), long.MaxValue, options.MaxFiles);
                file.Open();
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"the log folder {Path.GetFullPath(options.Directory!)} cannot be written ({exception.Message}). Set LOG_DIR to a "
                + "folder this user may write to.");
        }
    }

    private static async Task<int> FailAsync(string message)
    {
        await Console.Error.WriteLineAsync($"{Terminal.PaintError(Ansi.Red, "ollama-proxy cannot start:")} {message}");
        return ExitCodes.CannotStart;
    }

    /// <summary>The command that starts this program again: its own path, or <c>dotnet</c> and the assembly during development.</summary>
    public static string[]? OwnCommand() => Environment.ProcessPath switch
    {
        null => null,
        var path when Path.GetFileNameWithoutExtension(path) == "dotnet" => [path, Environment.GetCommandLineArgs()[0]],
        var path => [path],
    };
}
