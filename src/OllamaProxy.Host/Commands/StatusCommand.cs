using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands;

/// <summary><c>ollama-proxy status</c>: the state of proxy and Ollama, the loaded models, and the last minute.</summary>
internal static class StatusCommand
{
    private const int Indent = 13;

    /// <param name="settings">Where the proxy listens.</param>
    /// <param name="url">A proxy on another host.</param>
    /// <param name="json">Prints JSON.</param>
    /// <param name="check">Prints nothing on success: for health checks.</param>
    /// <param name="cancellationToken">Cancels the command.</param>
    public static async Task<int> RunAsync(ProxySettings settings, Uri? url, bool json, bool check, CancellationToken cancellationToken)
    {
        await using var api = await ApiSession.FindAsync(settings, url, cancellationToken);
        if (api is null)
        {
            var where = url?.ToString().TrimEnd('/')
                ?? string.Join(" or ", ApiSession.AddressesOf(settings.Proxy).Select(address => address.ToString().TrimEnd('/')));
            return await Terminal.FailAsync($"no ollama-proxy runs on {where}.", check ? ExitCodes.Failed : ExitCodes.NotRunning);
        }

        if (check)
        {
            // A health check is about the proxy: a restart would not bring back Ollama.
            using var health = await api.SendAsync(HttpMethod.Get, "/healthz", cancellationToken);
            return ExitCodes.Success;
        }

        var since = TimeProvider.System.GetUtcNow().AddMinutes(-1).ToUnixTimeSeconds();
        var ollama = await api.GetAsync("/analytics/ollama", AnalyticsJson.Relaxed.OllamaJson, cancellationToken);
        var minute = await api.GetAsync(string.Create(CultureInfo.InvariantCulture, $"/analytics/stats?start_time={since}"), AnalyticsJson.Relaxed.StatsJson,
            cancellationToken);
        var status = new StatusJson(api.Address.ToString().TrimEnd('/'), ollama, minute.Total);
        if (json)
        {
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize(status, StatusJsonContext.Relaxed.StatusJson));
        }
        else
        {
            Show(status);
        }

        return ollama.IsUp == false ? ExitCodes.Failed : ExitCodes.Success;
    }

    private static void Show(StatusJson status)
    {
        var (ollama, minute) = (status.Ollama, status.LastMinute);
        Line("Proxy", status.Address);
        var state = Terminal.Paint(ollama.IsUp switch { true => Ansi.Green, false => Ansi.Red, null => Ansi.Yellow }, ollama.State);
        string?[] origin =
        [
            state,
            ollama.Version is { } version ? Terminal.Plain(version) : null,
            ollama.OllamaHost,
            ollama.ProcessId is { } id ? string.Create(CultureInfo.InvariantCulture, $"process {id}") : null,
        ];
        Line("Ollama", Joined(origin));
        if (ollama.Problem is { } problem)
        {
            Line("", Terminal.Plain(problem));
        }

        Line("Now", string.Create(CultureInfo.InvariantCulture, $"{ollama.ActiveRequests:N0} running, {ollama.WaitingRequests:N0} queued"));
        var errors = Amount.Of(minute.Error, "error");
        string?[] happened =
        [
            Amount.Of(minute.Requests, "request"),
            minute.Error > 0 ? Terminal.Paint(Ansi.Red, errors) : errors,
            $"{Amount.Of(minute.OutputTokens, "token")} out",
            minute.TokensPerSecond.P50 is { } speed ? Terminal.Number(speed, "N1", " tokens/s") : null,
        ];
        Line("Last minute", Joined(happened));
        if (ollama.Models is null or [])
        {
            Line("Loaded", ollama.Models is null ? "not known" : "no model");
            return;
        }

        var (head, longest, now) = ("Loaded", ollama.Models.Max(model => model.Name.Length), TimeProvider.System.GetUtcNow());
        foreach (var model in ollama.Models)
        {
            string?[] parts =
            [
                Terminal.Bytes(model.SizeBytes),
                model.SizeBytes > 0 ? Terminal.Number(100.0 * model.VramBytes / model.SizeBytes, "N0", " % on the GPU") : null,
                model.ContextLength is { } context ? $"context {Terminal.Number(context)}" : null,
                model.ExpiresAt is { } at ? $"unloads in {Terminal.Length(Math.Max(0, (at - now).TotalSeconds))}" : "stays loaded",
            ];
            Line(head, $"{Terminal.Plain(model.Name).PadRight(longest)}  {Joined(parts)}");
            head = "";
        }
    }

    private static string Joined(IEnumerable<string?> parts) => string.Join(", ", parts.Where(static part => part is not null));

    private static void Line(string name, string value) =>
        Terminal.WriteHanging(Terminal.Paint(Ansi.Bold, name) + new string(' ', Indent - name.Length), Indent, value);
}

/// <summary>The output of <c>status --json</c>.</summary>
internal sealed record StatusJson(
    [property: JsonPropertyName("address")] string Address,
    [property: JsonPropertyName("ollama")] OllamaJson Ollama,
    [property: JsonPropertyName("last_minute")] LineJson LastMinute);

[JsonSerializable(typeof(StatusJson))]
internal sealed partial class StatusJsonContext : JsonSerializerContext
{
    public static StatusJsonContext Relaxed { get; } =
        new(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true });
}
