using System.CommandLine;
using System.Globalization;
using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands.Data;

/// <summary><c>ollama-proxy stats</c>: statistics as tables, or as the API's JSON.</summary>
internal static class StatsCommand
{
    /// <summary>The groups that are shown unless the command line chooses.</summary>
    public const string Groups = "model,application,client,endpoint,proxy,backend,outcome";

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
        Terminal.WriteHanging("", 0, string.Create(
            CultureInfo.InvariantCulture,
            $"{Amount.Of(stats.Total.Requests, "request")} {from}until {stats.To.ToLocalTime():yyyy-MM-dd HH:mm}{clients}{models} "
            + $"({Amount.Of(stats.TotalRecords, "record")} in {stats.Backend}, {Terminal.Bytes(stats.SizeBytes)})"));
        if (stats.Total.Requests == 0)
        {
            return;
        }

        var table = new Table(
            ("requests", 0), ("errors", 0), ("cancelled", 3), ("tokens in", 4), ("tokens out", 0),
            ("tok/s p50", 0), ("first token p50", 5), ("p95", 7), ("duration p50", 0), ("p95", 6));
        table.Add("total", [("all requests", Line(stats.Total))]);
        (string Name, IReadOnlyList<GroupJson>? Groups)[] dimensions =
        [
            ("model", stats.Models), ("application", stats.Applications), ("client", stats.Clients),
            ("endpoint", stats.Endpoints), ("proxy", stats.Proxies), ("backend", stats.Backends),
            ("category", stats.Categories), ("outcome", stats.Outcomes), ("error type", stats.ErrorTypes),
        ];
        var isChosen = dimensions.Count(dimension => dimension.Groups is not null) == 1;
        foreach (var (name, groups) in dimensions)
        {
            // One proxy or one backend says what the total says.
            if (groups is { Count: > 0 } && (groups.Count > 1 || isChosen || name is not ("proxy" or "backend")))
            {
                table.Add(name, groups.Select(group => (group.Name is null ? "(none)" : Terminal.Plain(group.Name), Line(group.Numbers))));
            }
        }

        var text = table.ToText(Terminal.Width, Terminal.Paint, out var isComplete);
        Console.Out.WriteLine();
        Console.Out.Write(text);
        if (!isComplete)
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine(Terminal.Paint(Ansi.Dim, "A wider terminal shows more columns."));
        }
    }

    private static Cell[] Line(LineJson line) =>
    [
        new(Terminal.Number(line.Requests)),
        new(Terminal.Number(line.Error), line.Error > 0 ? Ansi.Red : null),
        new(Terminal.Number(line.Cancelled), line.Cancelled > 0 ? Ansi.Yellow : null),
        new(Terminal.Number(line.InputTokens)),
        new(Terminal.Number(line.OutputTokens)),
        new(Terminal.Number(line.TokensPerSecond.P50, "N1")),
        new(Terminal.Length(line.TimeToFirstToken.P50)),
        new(Terminal.Length(line.TimeToFirstToken.P95)),
        new(Terminal.Length(line.Latency.P50)),
        new(Terminal.Length(line.Latency.P95)),
    ];
}
