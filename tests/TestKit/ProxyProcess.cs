using System.Collections;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace OllamaProxy.TestKit;

/// <summary>
/// The built program as a process with its own environment, folder and free port. <c>OLLAMA_PROXY_UNDER_TEST</c> names
/// another file to run in its place, for example the published one.
/// </summary>
internal sealed partial class ProxyProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Task _drained;

    private ProxyProcess(Process process)
    {
        _process = process;
        _drained = Task.WhenAll(DrainAsync(process.StandardOutput), DrainAsync(process.StandardError));
    }

    /// <summary>The output so far, standard output and standard error together.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The address it listens on; known once it is ready.</summary>
    public Uri Address => new(ListeningLine().Match(Output).Groups[1].Value);

    /// <summary>The process id of the Ollama it started, from its output.</summary>
    public int ChildId => int.Parse(ChildLine().Match(Output).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A port without a listener at the moment.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Starts the program and waits until it reports that it is ready.</summary>
    public static Task<ProxyProcess> StartAsync(IReadOnlyDictionary<string, string?> variables, params string[] arguments) =>
        ReadyAsync(Launch(variables, arguments));

    /// <summary>The same under another command (<c>prlimit</c>).</summary>
    public static Task<ProxyProcess> StartUnderAsync(string[] command, IReadOnlyDictionary<string, string?> variables) =>
        ReadyAsync(Launch(variables, [], under: command));

    /// <summary>The same for a program that inherits an ignored signal: <c>nohup</c> ignores HUP, and a script's background job INT.</summary>
    public static Task<ProxyProcess> StartIgnoringAsync(string signal, IReadOnlyDictionary<string, string?> variables) =>
        ReadyAsync(Launch(variables, [], signal));

    private static async Task<ProxyProcess> ReadyAsync(ProxyProcess proxy)
    {
        try
        {
            await Eventually.TrueAsync(() => proxy.HasExited || proxy.Output.Contains("Ctrl+C stops it", StringComparison.Ordinal), Patience.Limit);
        }
        catch (TimeoutException exception)
        {
            await proxy.DisposeAsync();
            throw new TimeoutException($"The program was not ready in time. It wrote:{Environment.NewLine}{proxy.Output}", exception);
        }

        return proxy.HasExited ? throw new InvalidOperationException($"The program ended instead of starting:{Environment.NewLine}{proxy.Output}") : proxy;
    }

    /// <summary>Runs the program until it exits, for example for a start that must fail.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(IReadOnlyDictionary<string, string?> variables, params string[] arguments)
    {
        await using var proxy = Launch(variables, arguments);
        var code = await proxy.ExitAsync();
        return (code, proxy.Output);
    }

    /// <summary>Waits for its exit, and returns the exit code.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience.Limit);
        await _drained.WaitAsync(Patience.Limit);
        return _process.ExitCode;
    }

    /// <summary>Sends a signal (<c>TERM</c>, <c>INT</c>, <c>KILL</c>) to it, or to its whole process group as a terminal does.</summary>
    public async Task SignalAsync(string signal, bool group = false)
    {
        using var kill = Process.Start("kill", ["-s", signal, "--", group ? $"-{Id}" : $"{Id}"]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static ProxyProcess Launch(IReadOnlyDictionary<string, string?> variables, string[] arguments, string? ignored = null, string[]? under = null)
    {
        var start = new ProcessStartInfo { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        var inherited = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => (string)entry.Key).ToList();
        foreach (var name in inherited.Where(name => Settings().IsMatch(name)))
        {
            start.Environment.Remove(name);
        }

        start.Environment["PROXY_PORT"] = "0";
        start.Environment["PROXY_HOST"] = "127.0.0.1";
        start.Environment["ANALYTICS_BACKEND"] = "none";
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        // On Unix in its own process group, so that a test can signal the group as a terminal would; and without ignored signals, which it would inherit
        // from tests that run in the background or under nohup.
        string[] unix = ["setsid", "env", ignored is null ? "--default-signal" : $"--ignore-signal={ignored}", .. under ?? []];
        string[] command = [.. OperatingSystem.IsWindows() ? [] : unix, .. Program(), .. arguments];
        start.FileName = command[0];
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        return new ProxyProcess(Process.Start(start)!);
    }

    /// <summary>The command that runs the program.</summary>
    public static string[] Program()
    {
        if (Environment.GetEnvironmentVariables()["OLLAMA_PROXY_UNDER_TEST"] is string { Length: > 0 } file)
        {
            return [file];
        }

        return [DotnetHost(), BuildOutput("src/OllamaProxy.Host", "ollama-proxy.dll")];
    }

    /// <summary>A file in another project's build output of the same configuration as this test run.</summary>
    public static string BuildOutput(string project, string file)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Repository.PathOf(project, "bin", own.Parent!.Name, own.Name, file);
    }

    /// <summary>The dotnet host that runs this test, which may not be on PATH.</summary>
    private static string DotnetHost() =>
        Path.GetFullPath(
            Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    private async Task DrainAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_output)
            {
                _output.AppendLine(line);
            }
        }
    }

    [GeneratedRegex(@"^  (?:\e\[1m)?(?:Listening|Dashboard)(?:\e\[0m)? +(https?://[^\s,/]+)", RegexOptions.Multiline)]
    private static partial Regex ListeningLine();

    [GeneratedRegex(@"started by this program \(process (\d+)\)")]
    private static partial Regex ChildLine();

    [GeneratedRegex("^(PROXY|OLLAMA|ANALYTICS|METRICS|OTEL|SHUTDOWN)_|^(NO|FORCE)_COLOR$")]
    private static partial Regex Settings();
}
