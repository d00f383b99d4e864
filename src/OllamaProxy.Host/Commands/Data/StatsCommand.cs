using System.CommandLine;
using System.Globalization;
using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands.Data;

/// <summary><c>ollama-proxy stats</c>: what happened, in a table or as the API's JSON.</summary>
internal static class StatsCommand
{
    private static readonly string[] s_heads =
        ["", "requests", "errors", "cancelled", "tokens in", "tokens out", "tokens/s p50", "first token p50", "p95", "duration p50", "p95"];

    public static async Task<int> RunAsync(ProxySettings settings, Uri? url, string query, bool json, CancellationToken cancellationToken)
    {
        await using var api = await ApiSession.OpenAsync(settings, url, cancellationToken);
        if (json)
        {
            using var answer = await api.SendAsync(HttpMethod.Get, query, cancellationToken);
            await Console.Out.WriteLineAsync(await answer.Content.ReadAsStringAsync(cancellationToken));
            return ExitCodes.Success;
        }

        Show(await api.GetAsync(query, AnalyticsJson.Relaxed.StatsJson, cancellationToken));
        return ExitCodes.Success;
    }

    private static void Show(StatsJson stats)
    {
        var from = stats.From is { } start ? $"from {start.ToLocalTime():yyyy-MM-dd HH:mm} " : "";
        var clients = stats.ClientCount is { } clientCount ? $", {Amount.Of(clientCount, "client")}" : "";
        var models = stats.ModelCount is { } modelCount ? $", {Amount.Of(modelCount, "model")}" : "";
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Amount.Of(stats.Total.Requests, "request")} {from}until {stats.To.ToLocalTime():yyyy-MM-dd HH:mm}{clients}{models} ({Amount.Of(stats.TotalRecords, "record")} in {stats.Backend}, {Terminal.Bytes(stats.SizeBytes)})"));
        foreach (var (name, groups) in (IEnumerable<(string, IReadOnlyList<GroupJson>?)>)
                 [("model", stats.Models), ("endpoint", stats.Endpoints), ("client", stats.Clients), ("application", stats.Applications), ("outcome", stats.Outcomes)])
        {
            if (groups is { Count: > 0 })
            {
                Console.Out.WriteLine();
                Console.Out.Write(Terminal.Table([name, .. s_heads.Skip(1)], [.. groups.Select(group => Line(Terminal.Plain(group.Name), group.Numbers))]));
            }
        }

        if (stats.Total.Requests > 0)
        {
            Console.Out.WriteLine();
            Console.Out.Write(Terminal.Table(["all", .. s_heads.Skip(1)], [Line("", stats.Total)]));
        }
    }

    private static string[] Line(string name, LineJson line) =>
    [
        name,
        Terminal.Number(line.Requests),
        Terminal.Number(line.Error),
        Terminal.Number(line.Cancelled),
        Terminal.Number(line.InputTokens),
        Terminal.Number(line.OutputTokens),
        Terminal.Number(line.TokensPerSecond.P50, "N1"),
        Terminal.Length(line.TimeToFirstToken.P50),
        Terminal.Length(line.TimeToFirstToken.P95),
        Terminal.Length(line.Latency.P50),
        Terminal.Length(line.Latency.P95),
    ];
}
