using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Adopts an Ollama that answers on the private port, or starts one there and ends it again.</summary>
internal sealed partial class OllamaProcessSupervisor(OllamaOptions options, TimeProvider time, ILoggerFactory loggers) : IOllamaProcessSupervisor, IDisposable
{
    /// <summary>How long an Ollama may take to end its runners before it is killed; a healthy one needs 0.1 s.</summary>
    private static readonly TimeSpan s_stopPatience = TimeSpan.FromSeconds(5);

    /// <summary>How long the start waits for the first answer. Afterwards the proxy opens anyway: Ollama lets early clients wait while it looks for GPUs.</summary>
    private static readonly TimeSpan s_startPatience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_readyPoll = TimeSpan.FromMilliseconds(50);

    /// <summary>Lines of Ollama's output in a message about its end.</summary>
    private const int LinesInMessage = 20;

    private readonly ILogger _logger = loggers.CreateLogger<OllamaProcessSupervisor>();
    private readonly ILogger _output = loggers.CreateLogger("ollama");
    private readonly BackendProbe _probe = new();
    private volatile ChildProcess? _child;
    private volatile OllamaState _state;

    public OllamaState State => _state;

    public Uri Backend { get; private set; } = options.BackendUrl ?? Local(options.BackendPort);

    public int? ProcessId => _child is { Exited.IsCompleted: false } child ? child.Id : null;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.BackendUrl is null && await NeedsChildAsync(cancellationToken))
        {
            await StartChildAsync(cancellationToken);
        }
        else
        {
            _state = OllamaState.External;
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _state = OllamaState.Stopping;
        if (_child is { } child)
        {
            await child.StopAsync(s_stopPatience, cancellationToken);
            if (!child.Exited.IsCompleted)
            {
                Log.StillThere(_logger, child.Id);
            }
        }

        _state = OllamaState.Stopped;
    }

    public void Dispose()
    {
        _probe.Dispose();
        _child?.Dispose();
    }

    /// <summary>True when an Ollama has to be started, on <see cref="Backend"/>; false when one is there.</summary>
    private async Task<bool> NeedsChildAsync(CancellationToken cancellationToken)
    {
        var holder = await _probe.IdentifyAsync(Backend, cancellationToken);
        switch (holder.Kind)
        {
            case PortHolderKind.Nobody:
                return true;
            case PortHolderKind.Ollama:
                Log.Adopted(_logger, Backend, holder.Version);
                return false;
            case var _ when options.BackendPortChosen:
                throw new OllamaNotFoundException(
                    $"Port {Backend.Port}, chosen for Ollama by OLLAMA_BACKEND_PORT, is held by {holder.Description}. Stop that program, or choose another port.");
            default:
                var taken = Backend.Port;
                Backend = Local(FreePort());
                Log.ForeignHolder(_logger, taken, holder.Description, Backend.Port);
                return true;
        }
    }

    private async Task StartChildAsync(CancellationToken cancellationToken)
    {
        var executable = OllamaExecutable.Find(options) ?? throw new OllamaNotFoundException(NotFound());
        var start = new ProcessStartInfo { StandardOutputEncoding = Encoding.UTF8, StandardErrorEncoding = Encoding.UTF8 };
        start.Environment["OLLAMA_HOST"] = Backend.Authority;
        var shim = ChildShim.IsSupported ? options.ShimCommand : null;
        string[] command = shim is null
            ? [executable, "serve"]
            : [.. shim, ChildShim.Verb, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), executable, "serve"];
        start.FileName = command[0];
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        _state = OllamaState.Starting;
        ChildProcess child;
        try
        {
            child = await ChildProcess.StartAsync(start, ownGroup: shim is not null, line => Log.Line(_output, line), time);
        }
        catch (Win32Exception exception)
        {
            _state = OllamaState.Stopped;
            throw new OllamaNotFoundException($"{executable} could not be started: {exception.Message}");
        }

        _child = child;
        Log.Started(_logger, executable, child.Id, Backend);
        if (!await AnswersAsync(child, s_startPatience, cancellationToken))
        {
            if (child.Exited.IsCompleted)
            {
                _state = OllamaState.Stopped;
                throw new OllamaNotFoundException(await EndOfAsync(child, "Ollama ended while starting"));
            }

            Log.StillStarting(_logger, child.Id);
        }

        _ = WatchAsync(child);
    }

    /// <summary>Follows a child through its life: late readiness, and an end nobody asked for.</summary>
    private async Task WatchAsync(ChildProcess child)
    {
        if (_state == OllamaState.Starting)
        {
            await AnswersAsync(child, Timeout.InfiniteTimeSpan, CancellationToken.None);
        }

        await child.Exited;
        if (_state is not (OllamaState.Stopping or OllamaState.Stopped))
        {
            _state = OllamaState.Stopped;
            Log.Ended(_logger, await EndOfAsync(child, "Ollama ended by itself"));
        }
    }

    /// <summary>Waits until the child answers (then it is ready), ends, or the time is over.</summary>
    private async Task<bool> AnswersAsync(ChildProcess child, TimeSpan patience, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (!child.Exited.IsCompleted && (patience < TimeSpan.Zero || time.GetElapsedTime(begun) < patience))
        {
            if (await _probe.VersionAsync(Backend, cancellationToken) is { } version && !child.Exited.IsCompleted && _state == OllamaState.Starting)
            {
                _state = OllamaState.Ready;
                Log.Ready(_logger, version, (long)time.GetElapsedTime(begun).TotalMilliseconds);
                return true;
            }

            await Task.WhenAny(child.Exited, Task.Delay(s_readyPoll, time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }

        return false;
    }

    private static async Task<string> EndOfAsync(ChildProcess child, string what)
    {
        await child.DrainedAsync();
        var lines = child.Output.Last(LinesInMessage);
        var text = new StringBuilder($"{what} (exit code {await child.Exited}).");
        text.Append(lines.Count == 0 ? " It wrote nothing." : " Its last lines:");
        foreach (var line in lines)
        {
            text.AppendLine().Append("  ").Append(line);
        }

        return text.ToString();
    }

    private string NotFound() =>
        (options.ExecutablePath is { } path ? $"OLLAMA_EXECUTABLE_PATH=\"{path}\" is not an executable file." : "No Ollama was found: none answers, none is on PATH or in the usual places.")
        + $"""

           What to do, one of these:
             - install Ollama from https://ollama.com/download
             - set OLLAMA_EXECUTABLE_PATH to the ollama executable
             - set OLLAMA_BACKEND_URL to an Ollama that runs elsewhere, for example http://192.168.1.20:11434
             - try ollama-proxy without one: ollama-proxy demo
           """;

    private static Uri Local(int port) => new($"http://127.0.0.1:{port}");

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Line}")]
        public static partial void Line(ILogger logger, string line);

        [LoggerMessage(2, LogLevel.Information, "An Ollama {Version} already answers on {Backend}; it is used and left running at the end.")]
        public static partial void Adopted(ILogger logger, Uri backend, string? version);

        [LoggerMessage(3, LogLevel.Warning, "Port {Port} is held by {Holder}, not by an Ollama; Ollama is started on port {Other} instead.")]
        public static partial void ForeignHolder(ILogger logger, int port, string holder, int other);

        [LoggerMessage(4, LogLevel.Information, "Started {Executable} (process {ProcessId}) on {Backend}.")]
        public static partial void Started(ILogger logger, string executable, int processId, Uri backend);

        [LoggerMessage(5, LogLevel.Information, "Ollama {Version} answers after {Milliseconds} ms.")]
        public static partial void Ready(ILogger logger, string version, long milliseconds);

        [LoggerMessage(6, LogLevel.Warning, "Ollama (process {ProcessId}) does not answer yet; requests wait for it.")]
        public static partial void StillStarting(ILogger logger, int processId);

        [LoggerMessage(7, LogLevel.Error, "{What}")]
        public static partial void Ended(ILogger logger, string what);

        [LoggerMessage(8, LogLevel.Error, "Ollama (process {ProcessId}) could not be ended.")]
        public static partial void StillThere(ILogger logger, int processId);
    }
}
