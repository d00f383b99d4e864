using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>What came of looking for an Ollama: one that was found, a child that was started, or the reason why there is neither.</summary>
/// <param name="Backend">Where it listens.</param>
internal sealed record Launch(Uri Backend)
{
    /// <summary>Our child; null otherwise.</summary>
    public ChildProcess? Child { get; init; }

    /// <summary>Why there is none, fit for a person; null when there is one.</summary>
    public string? Problem { get; init; }
}

/// <summary>Finds the Ollama that answers on the private port, or starts one there: who holds the port, which executable, which environment.</summary>
internal sealed partial class OllamaLauncher(OllamaOptions options, BackendProbe probe, ILogger logger, ILogger output, TimeProvider time)
{
    private bool _hasSwept;

    /// <summary>Where the private Ollama is looked for first.</summary>
    public static Uri DefaultAddress(OllamaOptions options) => options.BackendUrl ?? Local(options.BindHost, options.BackendPort);

    /// <param name="backend">Where it was, or is to be.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Launch> FindOrLaunchAsync(Uri backend, CancellationToken cancellationToken)
    {
        if (options.BackendUrl is not null)
        {
            return new Launch(backend);
        }

        await SweepAsync(cancellationToken);
        var holder = await probe.IdentifyAsync(backend, cancellationToken);
        switch (holder.Kind)
        {
            case PortHolderKind.None:
                return await LaunchAsync(backend, cancellationToken);
            case PortHolderKind.Ollama:
                Log.Adopted(logger, backend, holder.Version);
                return new Launch(backend);
            case var _ when options.BackendPortChosen:
                return new Launch(backend)
                {
                    Problem =
                        $"Port {backend.Port}, chosen for Ollama by OLLAMA_BACKEND_PORT, is held by {holder.Description}{Owner(backend.Port)}. Stop that "
                            + "program, or choose another port.",
                };
            default:
                var other = Local(options.BindHost, FreePort());
                Log.ForeignHolder(logger, backend.Port, holder.Description, Owner(backend.Port), other.Port);
                return await LaunchAsync(other, cancellationToken);
        }
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (_hasSwept || !OperatingSystem.IsLinux())
        {
            return;
        }

        _hasSwept = true;
        if (await OwnerMark.SweepAsync(time, cancellationToken) is { Count: > 0 } killed)
        {
            Log.Swept(logger, string.Join(", ", killed));
        }
    }

    private async Task<Launch> LaunchAsync(Uri backend, CancellationToken cancellationToken)
    {
        if (OllamaExecutable.Find(options) is not { } executable)
        {
            return new Launch(backend) { Problem = NotFound() };
        }

        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var child = await ChildProcess.StartAsync(StartOf(executable, backend), LogLine, time);
            Log.Started(logger, executable, child.Id, backend);
            return new Launch(backend) { Child = child };
        }
        catch (Win32Exception exception)
        {
            return new Launch(backend) { Problem = $"{executable} could not be started: {exception.Message}" };
        }
    }

    private void LogLine(string line)
    {
        var level = OllamaLine.LevelOf(line);
        Log.Line(output, level, line);
    }

    /// <summary>The user's environment reaches Ollama unchanged but for our secrets, where it listens, and our mark.</summary>
    private ChildStart StartOf(string executable, Uri backend)
    {
        var info = new ProcessStartInfo { StandardOutputEncoding = Encoding.UTF8, StandardErrorEncoding = Encoding.UTF8 };
        foreach (var secret in options.WithheldVariables)
        {
            info.Environment.Remove(secret);
        }

        info.Environment["OLLAMA_HOST"] = $"{options.BindHost}:{backend.Port}";
        if (OperatingSystem.IsLinux())
        {
            info.Environment[OwnerMark.Name] = OwnerMark.Own;
        }

        var verb = options.ShimCommand is null ? null : ChildShim.Verb;
        string[] command = verb is null ? [executable, "serve"] : [.. options.ShimCommand!, .. ChildShim.Arguments(verb), executable, "serve"];
        info.FileName = command[0];
        foreach (var argument in command.Skip(1))
        {
            info.ArgumentList.Add(argument);
        }

        return new ChildStart(info, OwnGroup: verb is not null, WatchesInput: verb == ChildShim.GuardVerb);
    }

    private string NotFound() =>
        (options.ExecutablePath is { } path ? $"OLLAMA_EXECUTABLE_PATH=\"{path}\" is not an executable file."
            : "No Ollama was found: none answers, none is on PATH or in the usual places.")
        + $"""

           Do one of these:
             - install Ollama from https://ollama.com/download
             - set OLLAMA_EXECUTABLE_PATH to the ollama executable
             - set OLLAMA_BACKEND_URL to an Ollama that runs elsewhere, for example http://192.168.1.20:11434
             - try ollama-proxy without one: ollama-proxy demo
           """;

    private static string Owner(int port) => PortOwner.Find(port)?.Describe() is { Length: > 0 } owner ? $": {owner}" : "";

    /// <summary>Where an Ollama that binds this host is reached from here: an address that stands for all is no address to connect to.</summary>
    private static Uri Local(string bindHost, int port) => new($"http://{bindHost switch
    {
        "0.0.0.0" or "[::]" => "127.0.0.1",
        _ => bindHost,
    }}:{port}");

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 1, Message = "{Line}")]
        public static partial void Line(ILogger logger, LogLevel level, string line);

        [LoggerMessage(2, LogLevel.Information, "An Ollama {Version} already answers on {Backend}; the proxy uses it and leaves it running.")]
        public static partial void Adopted(ILogger logger, Uri backend, string? version);

        [LoggerMessage(3, LogLevel.Warning, "Port {Port} is held by {Holder}, not by an Ollama{Owner}; Ollama is started on port {Other} instead.")]
        public static partial void ForeignHolder(ILogger logger, int port, string holder, string owner, int other);

        [LoggerMessage(4, LogLevel.Information, "Started {Executable} (process {ProcessId}) on {Backend}.")]
        public static partial void Started(ILogger logger, string executable, int processId, Uri backend);

        [LoggerMessage(5, LogLevel.Warning, "Ended processes that a killed ollama-proxy had left running: {Processes}.")]
        public static partial void Swept(ILogger logger, string processes);
    }
}
