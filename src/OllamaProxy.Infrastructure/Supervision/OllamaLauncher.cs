using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The result of a start: a found Ollama, a started child, or the problem.</summary>
/// <param name="Backend">Where Ollama listens.</param>
internal sealed record Launch(Uri Backend)
{
    /// <summary>The started child; null otherwise.</summary>
    public ChildProcess? Child { get; init; }

    /// <summary>Why there is no Ollama, readable by a person; null on success.</summary>
    public string? Problem { get; init; }
}

/// <summary>Adopts the Ollama on the private port, or starts one there: identifies the port's owner, finds the executable, prepares the environment.</summary>
internal sealed partial class OllamaLauncher(OllamaOptions options, BackendProbe probe, ILogger logger, ILogger output, TimeProvider time)
{
    private bool _hasSwept;

    /// <summary>The address that is tried first.</summary>
    public static Uri DefaultAddress(OllamaOptions options) => options.BackendUrl ?? Local(options.BindHost, options.BackendPort);

    /// <param name="backend">The current or intended address.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
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
                        $"Port {backend.Port} (OLLAMA_BACKEND_PORT) is in use by {holder.Description}{Owner(backend.Port)}, so Ollama cannot use it. Stop that "
                            + "program, or set another OLLAMA_BACKEND_PORT.",
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

    /// <summary>Ollama inherits the user's environment without the proxy's secrets, and with its listen address and the owner mark.</summary>
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
            : "Ollama was not found: none is running, and there is none on PATH or in the usual places.")
        + $"""

           Do one of these:
             - install Ollama from https://ollama.com/download
             - set OLLAMA_EXECUTABLE_PATH to the ollama executable
             - set OLLAMA_BACKEND_URL to an Ollama on another host, for example http://192.168.1.20:11434
             - try ollama-proxy without Ollama: ollama-proxy demo
           """;

    private static string Owner(int port) => PortOwner.Find(port)?.Describe() is { Length: > 0 } owner ? $": {owner}" : "";

    /// <summary>The address at which an Ollama with this bind host is reached: a wildcard address cannot be connected to.</summary>
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

        [LoggerMessage(2, LogLevel.Information, "Ollama {Version} is already running on {Backend}. The proxy uses it and will not stop it.")]
        public static partial void Adopted(ILogger logger, Uri backend, string? version);

        [LoggerMessage(3, LogLevel.Warning, "Port {Port} is in use by {Holder}{Owner}, not by Ollama. Starting Ollama on port {Other} instead.")]
        public static partial void ForeignHolder(ILogger logger, int port, string holder, string owner, int other);

        [LoggerMessage(4, LogLevel.Information, "Started {Executable} (process {ProcessId}) on {Backend}.")]
        public static partial void Started(ILogger logger, string executable, int processId, Uri backend);

        [LoggerMessage(5, LogLevel.Warning, "Killed processes left behind by an earlier ollama-proxy: {Processes}.")]
        public static partial void Swept(ILogger logger, string processes);
    }
}
