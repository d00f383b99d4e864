using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary><c>ollama-proxy status</c>: does the proxy run, does Ollama, what is loaded, and what happened in the last minute.</summary>
internal static class StatusCommand
{
    /// <param name="settings">Where the proxy listens.</param>
    /// <param name="url">A proxy somewhere else.</param>
    /// <param name="json">As JSON.</param>
    /// <param name="check">Write nothing while all is well: for health checks.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<int> RunAsync(ProxySettings settings, Uri? url, bool json, bool check, CancellationToken cancellationToken)
    {
        await using var api = await ApiSession.FindAsync(settings, url, cancellationToken);
        if (api is null)
        {
            var where = url?.ToString().TrimEnd('/') ?? string.Join(" or ", ApiSession.AddressesOf(settings.Proxy).Select(address => address.ToString().TrimEnd('/')));
            return await Terminal.FailAsync($"no ollama-proxy runs on {where}.", check ? ExitCodes.Failed : ExitCodes.NotRunning);
        }

        if (check)
        {
            // Whoever checks wants to know of this proxy: it is well without an Ollama, and restarting it would not bring one.
            using var health = await api.SendAsync(HttpMethod.Get, "/healthz", cancellationToken);
            return ExitCodes.Success;
        }

        var since = TimeProvider.System.GetUtcNow().AddMinutes(-1).ToUnixTimeSeconds();
        var ollama = await api.GetAsync("/analytics/ollama", AnalyticsJson.Relaxed.OllamaJson, cancellationToken);
        var minute = await api.GetAsync(string.Create(CultureInfo.InvariantCulture, $"/analytics/stats?start_time={since}"), AnalyticsJson.Relaxed.StatsJson, cancellationToken);
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
        Line("Ollama", $"{ollama.State}{(ollama.Version is { } version ? $", {Terminal.Plain(version)}" : "")}, {ollama.OllamaHost}{(ollama.ProcessId is { } id ? $", process {id}" : "")}");
        if (ollama.Problem is { } problem)
        {
            Line("", Terminal.Plain(problem));
        }

        Line("Now", string.Create(CultureInfo.InvariantCulture, $"{ollama.ActiveRequests:N0} running, {ollama.WaitingRequests:N0} waiting"));
        Line("Last minute", string.Create(
            CultureInfo.InvariantCulture,
            $"{Amount.Of(minute.Requests, "request")}, {Amount.Of(minute.Error, "error")}, {Amount.Of(minute.OutputTokens, "token")} out, {Terminal.Number(minute.TokensPerSecond.P50, "N1")} tokens/s"));
        Line("Loaded", ollama.Models switch { null => "not known", [] => "no model", _ => "" });
        foreach (var model in ollama.Models ?? [])
        {
            var gpu = model.SizeBytes > 0 ? Terminal.Number(100.0 * model.VramBytes / model.SizeBytes, "N0", " % on the GPU") : Terminal.Unknown;
            var until = model.ExpiresAt is { } at ? $"unloads in {Terminal.Length(Math.Max(0, (at - TimeProvider.System.GetUtcNow()).TotalSeconds))}" : "stays loaded";
            Line("", $"{Terminal.Plain(model.Name)}  {Terminal.Bytes(model.SizeBytes)}, {gpu}, context {Terminal.Number(model.ContextLength)}, {until}");
        }
    }

    private static void Line(string name, string value) => Console.Out.WriteLine($"{name.PadRight(13)}{value}".TrimEnd());
}

/// <summary>What <c>status --json</c> writes.</summary>
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
