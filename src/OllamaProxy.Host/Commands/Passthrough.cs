using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// <c>ollama-proxy run phi4</c>: passes any other command to Ollama's own command line, which connects to the proxy. Without a running proxy, it starts one in
/// the background first.
/// </summary>
internal static class Passthrough
{
    /// <summary>
    /// Ollama's commands that need a server (version 0.32); <c>stop</c> only unloads a model, so it does not start one. Other commands are passed on without a
    /// server.
    /// </summary>
    private static readonly string[] s_withServer = ["run", "create", "show", "pull", "push", "list", "ls", "ps", "cp", "rm", "signin", "signout", "launch"];

    private static readonly TimeSpan s_startPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);

    /// <summary>The proxy command that a word resembles; null for Ollama's commands and for other words.</summary>
    public static string? Meant(string word, IEnumerable<string> ours) => s_withServer.Contains(word) ? null : Misspelled.Nearest(word, ours);

    /// <summary>Returns Ollama's exit code.</summary>
    public static async Task<int> RunAsync(ProxySettings settings, string[] arguments, CancellationToken cancellationToken)
    {
        if (OllamaExecutable.Find(settings.Ollama) is not { } ollama)
        {
            return await Terminal.FailAsync(
                $"'{arguments[0]}' is not a command of ollama-proxy, and no ollama executable was found to run it. Try 'ollama-proxy --help', or set "
                    + "OLLAMA_EXECUTABLE_PATH.", ExitCodes.CannotStart);
        }

        var address = ApiSession.AddressesOf(settings.Proxy).FirstOrDefault();
        if (address is null)
        {
            return await Terminal.FailAsync("PROXY_PORT=0 means any free port. Set PROXY_PORT to the port of the running proxy.", ExitCodes.CannotStart);
        }

        if (s_withServer.Contains(arguments[0]) && !await RunsAsync(settings, cancellationToken)
            && await StartProxyAsync(settings, cancellationToken) is { } problem)
        {
            return await Terminal.FailAsync(problem, ExitCodes.CannotStart);
        }

        var start = new ProcessStartInfo(ollama, arguments) { UseShellExecute = false };
        foreach (var secret in settings.Ollama.WithheldVariables)
        {
            start.Environment.Remove(secret);
        }

        start.Environment["OLLAMA_HOST"] = address.ToString();
        // Ctrl+C reaches both processes, and Ollama handles it: it cancels a response, not the conversation.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var process = StartOrNull(start);
        if (process is null)
        {
            return await Terminal.FailAsync($"{ollama} could not be started.", ExitCodes.CannotStart);
        }

        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }

    private static async Task<bool> RunsAsync(ProxySettings settings, CancellationToken cancellationToken)
    {
        await using var api = await ApiSession.FindAsync(settings, null, cancellationToken);
        return api is not null;
    }

    /// <summary>Starts a proxy that outlives this program; returns a problem, or null.</summary>
    private static async Task<string?> StartProxyAsync(ProxySettings settings, CancellationToken cancellationToken)
    {
        if (ServeCommand.OwnCommand() is not { } own)
        {
            return "no proxy is running, and it cannot be started from here. Start it with: ollama-proxy";
        }

        // The proxy gets its own streams: ours may be a pipe, which it would hold open.
        var start = new ProcessStartInfo(own[0], [.. own.Skip(1), "serve", Background.Option])
        {
            UseShellExecute = false, CreateNoWindow = true, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var proxy = StartOrNull(start);
        var problem = proxy?.StandardError.ReadToEndAsync(cancellationToken);
        var begun = TimeProvider.System.GetTimestamp();
        while (proxy is { HasExited: false } && TimeProvider.System.GetElapsedTime(begun) < s_startPatience)
        {
            if (await RunsAsync(settings, cancellationToken))
            {
                await Console.Error.WriteLineAsync(
                    $"ollama-proxy was started in the background (process {proxy.Id}); its log is in {Background.LogDirectory(settings)}.");
                return null;
            }

            await Task.Delay(s_poll, TimeProvider.System, cancellationToken);
        }

        return proxy is { HasExited: true }
            ? $"this command needs the proxy, which did not start.{Environment.NewLine}{(await problem!).TrimEnd()}"
            : "the proxy could not be started in the background.";
    }

    private static Process? StartOrNull(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
