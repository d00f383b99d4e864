using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// The program as a process, the Ollama it started, and the runner that Ollama started: three processes, as on a user's machine. Linux.
/// </summary>
internal sealed partial class SupervisedOllama : IAsyncDisposable
{
    public const string LinuxOnly = "The test follows processes through /proc.";

    private readonly OllamaFiles _files;
    private readonly HashSet<int> _children = [];
    private readonly int _runnerPort;

    private SupervisedOllama(ProxyProcess proxy, OllamaFiles files, int port, int runnerPort)
    {
        (Proxy, _files, Port, _runnerPort) = (proxy, files, port, runnerPort);
        Client = new HttpClient { BaseAddress = proxy.Address, Timeout = Patience.Limit };
        FirstChild = proxy.ChildId;
        _children.Add(FirstChild);
    }

    public ProxyProcess Proxy { get; }

    public HttpClient Client { get; }

    /// <summary>Ollama's private port.</summary>
    public int Port { get; }

    /// <summary>The process id of the first Ollama.</summary>
    public int FirstChild { get; }

    /// <summary>How long the first Ollama took to answer, as logged by the proxy.</summary>
    public TimeSpan FirstStart => TimeSpan.FromMilliseconds(int.Parse(AnswersAfter().Match(Proxy.Output).Groups[1].Value, CultureInfo.InvariantCulture));

    /// <param name="script">Shell commands that run before Ollama at each of its starts; null for none. <c>$STARTS</c> is the number of the start.</param>
    /// <param name="variables">Settings.</param>
    public static async Task<SupervisedOllama> StartAsync(string? script = null, params (string Name, string Value)[] variables)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        var files = new OllamaFiles();
        var (port, runnerPort) = (ProxyProcess.FreePort(), ProxyProcess.FreePort());
        var counted = $"echo start >> '{files.Folder}/starts'\nSTARTS=$(wc -l < '{files.Folder}/starts')\n";
        var all = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["OLLAMA_EXECUTABLE_PATH"] = files.Script($"{counted}{script}\nexec '{OllamaFiles.Ollama}' \"$@\""),
            ["OLLAMA_BACKEND_PORT"] = $"{port}",
            ["SIMULATED_OLLAMA_RUNNER_PORT"] = $"{runnerPort}",
            ["ANALYTICS_BACKEND"] = "jsonl",
            ["ANALYTICS_DIR"] = Path.Combine(files.Folder, "analytics"),
            ["ANALYTICS_FLUSH_MS"] = "0",
        };
        foreach (var (name, value) in variables)
        {
            all[name] = value;
        }

        var proxy = await ProxyProcess.StartAsync(all);
        var ollama = new SupervisedOllama(proxy, files, port, runnerPort);
        await Eventually.TrueAsync(() => IsOpen(runnerPort));
        return ollama;
    }

    /// <summary>The state of Ollama, as reported by the proxy.</summary>
    public async Task<(string State, int? ProcessId)> StateAsync()
    {
        var ollama = await Client.GetFromJsonAsync<JsonElement>("/analytics/ollama");
        var id = ollama.GetProperty("process_id");
        if (id.ValueKind == JsonValueKind.Number)
        {
            _children.Add(id.GetInt32());
        }

        return (ollama.GetProperty("state").GetString()!, id.ValueKind == JsonValueKind.Number ? id.GetInt32() : null);
    }

    /// <summary>Waits until another Ollama than the first is ready, and returns its process id.</summary>
    public async Task<int> ReadyAgainAsync()
    {
        var child = FirstChild;
        await Eventually.TrueAsync(async () => await StateAsync() is ("ready", { } id) && (child = id) != FirstChild);
        return child;
    }

    public async Task<double> RestartsAsync(string reason)
    {
        var metrics = await Client.GetStringAsync("/metrics");
        var line = metrics.Split('\n').Single(line => line.StartsWith($"ollama_restarts_total{{reason=\"{reason}\"}}", StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>The stored records of an endpoint.</summary>
    public async Task<JsonElement[]> RecordsAsync(string endpoint)
    {
        var found = await Client.GetFromJsonAsync<JsonElement>($"/analytics/search?endpoint={endpoint}");
        return [.. (found.ValueKind == JsonValueKind.Array ? found : found.GetProperty("results")).EnumerateArray()];
    }

    /// <summary>
    /// Kills the first Ollama and waits until the system has closed its sockets. A request sent to a dying one would be lost, and rightly not retried.
    /// </summary>
    public async Task KillFirstAsync()
    {
        await SignalAsync("KILL", FirstChild);
        await Eventually.TrueAsync(() => !OllamaFiles.RunningInGroup(FirstChild).Contains(FirstChild));
    }

    /// <summary>The lines in the store's files, after the proxy has ended.</summary>
    public string[] StoredLines() => [.. Directory.EnumerateFiles(Path.Combine(_files.Folder, "analytics"), "*.jsonl").SelectMany(File.ReadLines)];

    public static async Task SignalAsync(string signal, params int[] processes)
    {
        using var kill = Process.Start("kill", ["-s", signal, .. processes.Select(process => $"{process}")]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Ends the proxy and asserts that nothing it started is left: no process in any group, and no listener on any port.</summary>
    public async Task StopWithoutOrphansAsync(string signal = "TERM")
    {
        await Proxy.SignalAsync(signal);
        await Proxy.ExitAsync();
        await NoOrphanAsync();
    }

    public async Task NoOrphanAsync()
    {
        await Eventually.TrueAsync(() => _children.All(child => OllamaFiles.RunningInGroup(child).Count == 0));
        await Eventually.TrueAsync(() => !IsOpen(Port) && !IsOpen(_runnerPort));
    }

    /// <summary>Asserts that the first Ollama and its runner have exited, while the second one runs.</summary>
    public void AssertFirstIsGone() => Assert.Empty(OllamaFiles.RunningInGroup(FirstChild));

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Proxy.DisposeAsync();
        _files.Dispose();
    }

    private static bool IsOpen(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"is ready after (\d+) ms")]
    private static partial Regex AnswersAfter();
}
