using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using OllamaProxy.OllamaProcess;
using OllamaProxy.SimulatedOllama;

// A process named `ollama` that behaves as `ollama serve` does. Tests steer it by SIMULATED_OLLAMA_START_DELAY_MS, SIMULATED_OLLAMA_EXIT_AFTER_MS and
// SIMULATED_OLLAMA_RUNNER_PORT (starts a copy of itself that only listens there, as the real Ollama starts llama-server).
const string Version = "0.32.15";
var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
    .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value, StringComparer.Ordinal);
using var stopping = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
if (args is ["--version" or "-v", ..])
{
    Console.WriteLine($"ollama version is {Version}");
    return 0;
}

if (args is ["runner", var runnerPort])
{
    using var listening = new TcpListener(IPAddress.Loopback, int.Parse(runnerPort, CultureInfo.InvariantCulture));
    listening.Start();
    await Until(Timeout.InfiniteTimeSpan);
    return 0;
}

if (args is not ["serve" or "start", ..])
{
    await Console.Error.WriteLineAsync($"Error: unknown command \"{args.FirstOrDefault()}\" for \"ollama\"");
    return 1;
}

if (variables.GetValueOrDefault("OLLAMA_ORIGINS") is { Length: > 0 } origins
    && origins.Split(',')
        .Any(origin => !origin.Contains('*', StringComparison.Ordinal) && !origin.Contains("://", StringComparison.Ordinal) || origin.Trim() != origin))
{
    await Console.Error.WriteLineAsync("panic: bad origin: origins must contain '*' or include http://,https://,chrome-extension://,"
        + "safari-extension://,moz-extension://,ms-browser-extension://");
    // A stack trace as Go prints it, longer than the output that the proxy repeats in its error.
    await Console.Error.WriteLineAsync("\ngoroutine 1 [running]:");
    for (var frame = 0; frame < 300; frame++)
    {
        await Console.Error.WriteLineAsync(
            $"runtime.gopanic({"{"}0x1{frame:x}?, 0xc000590{frame:x}{"}"})\n\t/usr/local/go/src/runtime/panic.go:{frame} +0x168");
    }

    await Console.Error.WriteLineAsync("main.main()\n\t/go/src/main.go:14 +0x4d\ncreated by main.serve in goroutine 1\n\t/go/src/main.go:9");
    return 2;
}

if (ListenAddress.Parse(variables.GetValueOrDefault("OLLAMA_HOST")) is not var (host, port))
{
    await Console.Error.WriteLineAsync($"Error: listen tcp: lookup {variables["OLLAMA_HOST"]}: no such host");
    return 1;
}

await Until(Milliseconds("SIMULATED_OLLAMA_START_DELAY_MS") ?? TimeSpan.Zero);
if (stopping.IsCancellationRequested)
{
    return 0;
}

try
{
    await using var server = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Address = host, Port = port, Version = Version });
    using var runner = variables.GetValueOrDefault("SIMULATED_OLLAMA_RUNNER_PORT") is { Length: > 0 } at
        ? Process.Start(Environment.ProcessPath!, ["runner", at])
        : null;
    await Console.Error.WriteLineAsync(
        $"time={TimeProvider.System.GetLocalNow():O} level=INFO source=routes.go:2004 msg=\"Listening on {host}:{server.Address.Port} (version {Version})\"");
    await Until(Milliseconds("SIMULATED_OLLAMA_EXIT_AFTER_MS") ?? Timeout.InfiniteTimeSpan);
    runner?.Kill();
    return stopping.IsCancellationRequested ? 0 : 1;
}
catch (IOException)
{
    await Console.Error.WriteLineAsync($"Error: listen tcp {host}:{port}: bind: address already in use");
    return 1;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stopping.Cancel();
}

async Task Until(TimeSpan time) => await Task.Delay(time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

TimeSpan? Milliseconds(string name) =>
    double.TryParse(variables.GetValueOrDefault(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
        ? TimeSpan.FromMilliseconds(value)
        : null;
