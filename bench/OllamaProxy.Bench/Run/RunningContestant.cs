using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using OllamaProxy.Bench.Sockets;

namespace OllamaProxy.Bench.Run;

/// <summary>A contestant that was started and answers.</summary>
internal sealed class RunningContestant : IDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(15);

    private readonly Process? _process;
    private readonly string _folder;

    private RunningContestant(Contestant contestant, int port, string folder, Process? process)
    {
        (Contestant, Port, _folder, _process) = (contestant, port, folder, process);
    }

    public Contestant Contestant { get; }

    public int Port { get; }

    /// <summary>Null for the direct connection.</summary>
    public ProcessMeter? Meter { get; private set; }

    /// <summary>The time from the start of the process to its first 200, in milliseconds.</summary>
    public double StartMilliseconds { get; private set; }

    public static RunningContestant Start(Contestant contestant, int upstreamPort, Places places)
    {
        var folder = Directory.CreateTempSubdirectory($"ollama-proxy-bench-{contestant.Name}-").FullName;
        if (contestant.IsDirect)
        {
            var direct = new RunningContestant(contestant, upstreamPort, folder, null);
            // Compile the code that waits for a contestant before the first one starts.
            direct.WaitUntilReady(Stopwatch.GetTimestamp());
            return direct;
        }

        var port = Tcp.FreePort();
        string Fill(string text) => places.Fill(text)
            .Replace("{port}", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{upstream}", upstreamPort.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{dir}", folder, StringComparison.Ordinal);
        // If the bench runs as root, the workers of nginx run as another user.
        File.SetUnixFileMode(folder,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        if (contestant.Template is { } template)
        {
            var name = Path.GetFileNameWithoutExtension(template);
            File.WriteAllText(Path.Combine(folder, name), Fill(File.ReadAllText(Path.Combine(places.Templates, template))));
        }

        // The shell redirects the output to a file and then replaces itself with the program, so no process has to read the output.
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = folder };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("exec \"$0\" \"$@\" >output.log 2>&1");
        start.ArgumentList.Add(contestant.FindProgram(Fill)!);
        foreach (var argument in contestant.Command.Skip(1))
        {
            start.ArgumentList.Add(Fill(argument));
        }

        foreach (var (name, value) in contestant.Environment)
        {
            start.Environment[name] = Fill(value);
        }

        var begun = Stopwatch.GetTimestamp();
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{contestant.Name} could not be started.");
        var running = new RunningContestant(contestant, port, folder, process);
        running.WaitUntilReady(begun);
        running.Meter = new ProcessMeter(process.Id);
        return running;
    }

    /// <summary>Waits until the process is idle, because its remaining work (writing records) belongs to the previous measurement.</summary>
    /// <param name="seconds">The maximum wait.</param>
    public void WaitUntilQuiet(int seconds = 5)
    {
        if (Meter is null)
        {
            return;
        }

        var limit = Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
        var last = Meter.CpuSeconds;
        while (Stopwatch.GetTimestamp() < limit)
        {
            Thread.Sleep(60);
            var now = Meter.CpuSeconds;
            if (now - last < 0.002)
            {
                return;
            }

            last = now;
        }
    }

    /// <summary>The sum of a counter over its labels; 0 if it has no series yet.</summary>
    public double Counter(string name) =>
        Text("/metrics").Split('\n')
            .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is ' ' or '{')
            .Sum(line => double.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Replace(name, "",
                StringComparison.Ordinal).Trim().Split(' ')[0], CultureInfo.InvariantCulture));

    public void Dispose()
    {
        if (_process is not null)
        {
            const int Terminate = 15;
            _ = Libc.Kill(_process.Id, Terminate);
            if (!_process.WaitForExit(s_stopLimit))
            {
                _process.Kill(entireProcessTree: true);
            }

            _process.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private void WaitUntilReady(long begun)
    {
        while (!Text(Contestant.Ready).Split('\n')[0].Contains(" 200", StringComparison.Ordinal))
        {
            if (_process is { HasExited: true } || Stopwatch.GetElapsedTime(begun) > s_startLimit)
            {
                var output = File.ReadAllText(Path.Combine(_folder, "output.log"));
                Dispose();
                throw new InvalidOperationException($"{Contestant.Name} did not start: {output}");
            }

            Thread.Sleep(1);
        }

        StartMilliseconds = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
    }

    /// <summary>The whole response as text; HTTP/1.0, because it has no chunks. Empty if there is no response.</summary>
    private string Text(string path)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5_000 };
        try
        {
            socket.Connect(IPAddress.Loopback, Port);
            socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{Port}\r\n\r\n"));
            using var whole = new MemoryStream();
            var buffer = new byte[16 * 1024];
            while (socket.Receive(buffer) is var read and > 0)
            {
                whole.Write(buffer, 0, read);
            }

            return Encoding.UTF8.GetString(whole.ToArray());
        }
        catch (SocketException)
        {
            return "";
        }
    }
}
