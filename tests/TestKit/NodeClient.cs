using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace OllamaProxy.TestKit;

/// <summary>An official JavaScript client, run by Node in its own process (tests/clients).</summary>
internal static class NodeClient
{
    private static string Folder => Repository.PathOf("tests", "clients");

    /// <summary>Runs an action of a client.</summary>
    /// <param name="client">The module in tests/clients, without its ending.</param>
    /// <param name="action">What it exports.</param>
    /// <param name="address">The server it shall talk to.</param>
    /// <param name="arguments">More for the action.</param>
    /// <returns><c>{"result": ...}</c>, or <c>{"error": {"name","message","status"}}</c> when the client threw.</returns>
    public static async Task<JsonElement> RunAsync(string client, string action, Uri address, params string[] arguments)
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules")))
        {
            throw new InvalidOperationException($"The JavaScript clients are not installed: run `npm ci` in {Folder}, or ./build.sh test, which does it.");
        }

        using var process = Start(["run.mjs", client, action, address.GetLeftPart(UriPartial.Authority), .. arguments]);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience.Limit);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException(
                $"{client} {action} did not end within {Patience.Limit.TotalSeconds} s. It wrote:{Environment.NewLine}{await output}{await errors}");
        }

        var last = (await output).TrimEnd().Split('\n')[^1];
        return process.ExitCode == 0 && last.StartsWith('{')
            ? JsonElement.Parse(last)
            : throw new InvalidOperationException($"{client} {action} ended with code {process.ExitCode}:{Environment.NewLine}{await output}{await errors}");
    }

    /// <summary>Like <see cref="RunAsync"/>, but asserts success and returns the result of the client.</summary>
    /// <param name="client">The module in tests/clients, without its ending.</param>
    /// <param name="action">What it exports.</param>
    /// <param name="address">The server it shall talk to.</param>
    /// <param name="arguments">More for the action.</param>
    public static async Task<JsonElement> ResultAsync(string client, string action, Uri address, params string[] arguments)
    {
        var outcome = await RunAsync(client, action, address, arguments);
        return outcome.TryGetProperty("result", out var result) ? result : throw new InvalidOperationException($"The client threw: {outcome}");
    }

    private static Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo("node", arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException(
                "The JavaScript clients need Node.js 20 or newer, but `node` is not on PATH. Install it, or run ./build.sh test, which does so if permitted.",
                exception);
        }
    }
}
