using System.Text.Json;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands.Data;

/// <summary><c>ollama-proxy purge</c>: shows the number of matching records, then deletes them permanently.</summary>
internal static class PurgeCommand
{
    /// <summary>Rejects invalid filters before anything is counted or confirmed.</summary>
    public static void Check(RequestFilter filter, bool all)
    {
        if (new DeleteRequestsValidator().Validate(new DeleteRequests(filter, all)).Errors is [var error, ..])
        {
            throw new CommandException($"{FilterOptions.NameOf(error.PropertyName.TrimStart('.'))} {error.ErrorMessage}") { ExitCode = ExitCodes.CannotStart };
        }
    }

    /// <param name="settings">Where the proxy and its store are.</param>
    /// <param name="url">A proxy on another host.</param>
    /// <param name="delete">The path and query of the deletion.</param>
    /// <param name="count">The path and query whose statistics count the same records.</param>
    /// <param name="yes">Skips the confirmation.</param>
    /// <param name="cancellationToken">Cancels the command.</param>
    public static async Task<int> RunAsync(ProxySettings settings, Uri? url, string delete, string count, bool yes, CancellationToken cancellationToken)
    {
        await using var api = await ApiSession.OpenAsync(settings, url, cancellationToken);
        if (!yes)
        {
            var matching = (await api.GetAsync(count, AnalyticsJson.Relaxed.StatsJson, cancellationToken)).Total.Requests;
            if (matching == 0)
            {
                await Console.Out.WriteLineAsync("No record matches; nothing was deleted.");
                return ExitCodes.Success;
            }

            if (Console.IsInputRedirected)
            {
                return await Terminal.FailAsync($"{Amount.Of(matching, "record")} {(matching == 1 ? "matches" : "match")}. There is no terminal for the "
                    + "confirmation; --yes deletes without it.");
            }

            await Console.Error.WriteAsync($"Delete {Amount.Of(matching, "record")} permanently? [y/N] ");
            if (await Console.In.ReadLineAsync(cancellationToken) is not ("y" or "Y" or "yes"))
            {
                return await Terminal.FailAsync("nothing was deleted.");
            }
        }

        using var answer = await api.SendAsync(HttpMethod.Delete, delete, cancellationToken);
        var deleted = JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(cancellationToken), AnalyticsJson.Relaxed.DeletedJson)!.Deleted;
        await Console.Out.WriteLineAsync($"{Amount.Of(deleted, "record")} {(deleted == 1 ? "was" : "were")} deleted.");
        return ExitCodes.Success;
    }
}
