using System.Diagnostics;
using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// A real nginx in front of a proxy, with one port for each configuration. Its client is another machine (a network namespace) if the test may create one,
/// which requires root on Linux; otherwise it is this machine.
/// </summary>
internal sealed class Nginx : IAsyncDisposable
{
    private static readonly string[] s_temporaries = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

    private readonly Process _server;
    private readonly DirectoryInfo _folder;
    private readonly string? _network;
    private readonly string _address;

    private Nginx(Process server, DirectoryInfo folder, string? network, string address)
    {
        (_server, _folder, _network, _address) = (server, folder, network, address);
        _ = server.StandardError.ReadToEndAsync();
    }

    /// <summary>Why nginx is not available; null if it is.</summary>
    public static string? Missing => Find() is null ? "there is no nginx on PATH; ./build.sh test unpacks Debian's package where there is apt" : null;

    /// <summary>The ports, one for each location text.</summary>
    public IReadOnlyList<int> Ports { get; private init; } = [];

    /// <summary>The address of the client, as nginx sees it.</summary>
    public string Client { get; private init; } = "127.0.0.1";

    /// <param name="locations">The directives inside <c>location /</c>.</param>
    public static async Task<Nginx> StartAsync(params string[] locations)
    {
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-nginx-");
        // A private network of its own for each test that runs at the same time (RFC 2544 keeps 198.18.0.0/15 for tests).
        var id = Environment.ProcessId % 100 * 100 + Random.Shared.Next(100);
        var (outside, inside) = ($"198.18.{id / 100}.{id % 60 * 4 + 1}", $"198.18.{id / 100}.{id % 60 * 4 + 2}");
        var network = await TryMakeNetworkAsync($"opt{id}", outside, inside) ? $"opt{id}" : null;
        var address = network is null ? "127.0.0.1" : outside;
        int[] ports = [.. locations.Select(_ => ProxyProcess.FreePort())];
        var servers = locations.Zip(ports, (location, port) => $"  server {{ listen {address}:{port}; location / {{ {location} }} }}");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "nginx.conf"), $$"""
            daemon off; pid {{folder.FullName}}/nginx.pid; error_log stderr;
            {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
            events { }
            http {
              access_log off;
              {{string.Join(' ', s_temporaries.Select(name => $"{name}_temp_path {folder.FullName}/{name};"))}}
            {{string.Join('\n', servers)}}
            }
            """);
        string[] arguments = ["-p", folder.FullName, "-e", "stderr", "-c", Path.Combine(folder.FullName, "nginx.conf")];
        var start = new ProcessStartInfo(Find()!, arguments) { RedirectStandardError = true };
        var nginx = new Nginx(Process.Start(start)!, folder, network, address) { Ports = ports, Client = network is null ? "127.0.0.1" : inside };
        await Eventually.TrueAsync(async () => (await nginx.SendAsync(ports[^1], "GET", "/healthz")).Status == 200);
        return nginx;
    }

    /// <summary>Sends a request from the client's network namespace. A shell does it, because only a socket is needed there.</summary>
    public async Task<HttpMessage> SendAsync(int port, string method, string target, params string[] headers)
    {
        string[] lines = [$"{method} {target} HTTP/1.1", $"Host: {_address}:{port}", "Connection: close", .. headers, "", ""];
        var script = $"exec 3<>/dev/tcp/{_address}/{port} && printf '{string.Join("\\r\\n", lines)}' >&3 && cat <&3";
        string[] command = [.. _network is null ? Array.Empty<string>() : ["ip", "netns", "exec", _network], "bash", "-c", script];
        using var shell = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = shell.StandardError.ReadToEndAsync();
        using var answer = new MemoryStream();
        await shell.StandardOutput.BaseStream.CopyToAsync(answer);
        await shell.WaitForExitAsync();
        await errors;
        return HttpMessage.Parse(answer.Length == 0 ? Encoding.ASCII.GetBytes("HTTP/1.1 0 None\r\n\r\n") : answer.ToArray());
    }

    public async ValueTask DisposeAsync()
    {
        _server.Kill(entireProcessTree: true);
        await _server.WaitForExitAsync();
        _server.Dispose();
        if (_network is not null)
        {
            await RunAsync("ip", "netns", "del", _network);
            await RunAsync("ip", "link", "del", _network);
        }

        _folder.Delete(recursive: true);
    }

    private static string? Find() => Programs.Find("nginx", "nginx");

    private static async Task<bool> TryMakeNetworkAsync(string name, string outside, string inside) =>
        OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess
        && await RunAsync("ip", "netns", "add", name)
        && await RunAsync("ip", "link", "add", name, "type", "veth", "peer", "name", $"{name}i", "netns", name)
        && await RunAsync("ip", "address", "add", $"{outside}/30", "dev", name)
        && await RunAsync("ip", "link", "set", name, "up")
        && await RunAsync("ip", "netns", "exec", name, "ip", "address", "add", $"{inside}/30", "dev", $"{name}i")
        && await RunAsync("ip", "netns", "exec", name, "ip", "link", "set", $"{name}i", "up");

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
