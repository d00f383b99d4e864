using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// The notifications of a service of <c>Type=notify</c> with a watchdog, received at a socket in place of systemd's. The program detects systemd by its
/// parent's name.
/// </summary>
public sealed class SystemdTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-systemd-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Readiness_watchdog_and_stop_are_notified()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/sh"), "systemd exists only on Linux.");
        using var heard = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        heard.Bind(new UnixDomainSocketEndPoint(Path.Combine(_folder.FullName, "notify")));
        var parent = Path.Combine(_folder.FullName, "systemd");
        File.Copy("/bin/sh", parent);
        using var systemd = Start(parent);
        try
        {
            await ReceiveAsync(heard, "READY=1");
            await ReceiveAsync(heard, "WATCHDOG=1");
            await ReceiveAsync(heard, "WATCHDOG=1");

            using var kill = Process.Start("pkill", ["-TERM", "-P", $"{systemd.Id}"]);
            await kill.WaitForExitAsync();
            await ReceiveAsync(heard, "STOPPING=1");
            await systemd.WaitForExitAsync().WaitAsync(Patience.Limit);
            Assert.Equal(0, systemd.ExitCode);
        }
        finally
        {
            if (!systemd.HasExited)
            {
                systemd.Kill(entireProcessTree: true);
            }
        }
    }

    private Process Start(string parent)
    {
        // Followed by another command; a shell would replace itself with its last one.
        var start = new ProcessStartInfo(parent,
            ["-c", $"{string.Join(' ', ProxyProcess.Program().Select(part => $"'{part}'"))} serve; exit $?"]) { RedirectStandardOutput = true };
        foreach (var (name, value) in ((string, string)[])
                 [
                     ("NOTIFY_SOCKET", Path.Combine(_folder.FullName, "notify")), ("WATCHDOG_USEC", "400000"), ("PROXY_PORT", "0"), ("PROXY_HOST", "127.0.0.1"),
                     ("OLLAMA_BACKEND_URL", "http://127.0.0.1:9"), ("ANALYTICS_BACKEND", "none"),
                 ])
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync();
        return process;
    }

    private static async Task ReceiveAsync(Socket socket, string expected)
    {
        var buffer = new byte[4_096];
        using var patience = new CancellationTokenSource(Patience.Limit);
        string message;
        do
        {
            message = Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, patience.Token));
        }
        while (!message.Split('\n').Contains(expected));
    }
}
