using MediatR;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Import;
using OllamaProxy.Domain;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Import;

namespace OllamaProxy.Host.Commands.Data;

/// <summary>
/// <c>ollama-proxy import FILE</c>: the records of the original Ollama Metrics Proxy, or of the folder of another ollama-proxy. A store in files has one
/// writer, so no proxy may be using it.
/// </summary>
internal static class ImportCommand
{
    public static async Task<int> RunAsync(ProxySettings settings, FileInfo file, CancellationToken cancellationToken)
    {
        if (settings.Analytics.Backend == "none")
        {
            return await Terminal.FailAsync("ANALYTICS_BACKEND=none keeps no records: there is nothing to import into.");
        }

        try
        {
            using var other = OtherStore.Find(file.FullName);
            if (other is not null && settings.Analytics.Database is null && Path.GetFullPath(settings.Analytics.Directory) == other.Folder)
            {
                return await Terminal.FailAsync($"{other.Folder} is the store itself. Name another one, for example with --analytics-backend postgres.");
            }

            var result = other is null
                ? await ImportOriginalAsync(settings, file, cancellationToken)
                : await ImportAsync(settings, other, cancellationToken);
            await ReportAsync(settings, result);
            return result.WithoutTime == 0 ? ExitCodes.Success : ExitCodes.Failed;
        }
        catch (AnalyticsStoreException exception)
        {
            return await Terminal.FailAsync(settings.Analytics.Database is null
                ? $"{exception.Message} An import needs exclusive access: stop the proxy, import, and start it again."
                : $"{exception.Message} Records imported so far are kept; run the command again for the rest.");
        }
        catch (ImportException exception)
        {
            return await Terminal.FailAsync(exception.Message);
        }
        catch (SqliteException exception)
        {
            return await Terminal.FailAsync(
                $"the import ended early ({exception.Message}). Records imported so far are kept; run the command again for the rest.");
        }
    }

    private static async Task<ImportResult> ImportAsync(ProxySettings settings, OtherStore other, CancellationToken cancellationToken)
    {
        var count = await other.OpenAsync(cancellationToken);
        await using var services = ProxyHost.CreateBuilder(settings).Build();
        await services.Services.GetRequiredService<ReopeningStore>().OpenAsync(cancellationToken);
        using var progress = new ProgressBar("records", count, TimeProvider.System);
        return await services.Services.GetRequiredService<IMediator>().Send(
            new ImportRecords(other.ReadAsync(cancellationToken), KeepFrom(settings), progress), cancellationToken);
    }

    private static async Task<ImportResult> ImportOriginalAsync(ProxySettings settings, FileInfo file, CancellationToken cancellationToken)
    {
        // Checked first, so that nothing is renamed for a file that the original did not write.
        OriginalDatabase.Open(file.FullName).Dispose();
        await using var services = ProxyHost.CreateBuilder(settings with { Analytics = settings.Analytics with { MovesOriginalAside = true } }).Build();
        var store = services.Services.GetRequiredService<ReopeningStore>();
        await store.OpenAsync(cancellationToken);
        // The original's file may have the path of the new database; opening the store then renamed it.
        var moved = store.Current is ISqliteAnalyticsStore sqlite && sqlite.Path == file.FullName ? sqlite.MovedAside : null;
        if (moved is not null)
        {
            await Console.Error.WriteLineAsync($"{file.FullName} had the path of the new database, so it was renamed to {moved}.");
        }

        using var original = OriginalDatabase.Open(moved ?? file.FullName);
        using var progress = new ProgressBar("rows", original.Count, TimeProvider.System);
        return await services.Services.GetRequiredService<IMediator>().Send(
            new ImportInteractions(original.ReadAsync(cancellationToken), KeepFrom(settings), progress), cancellationToken);
    }

    private static DateTimeOffset? KeepFrom(ProxySettings settings) => settings.Analytics.RulesAt(TimeProvider.System.GetUtcNow()).RecordsBefore;

    private static async Task ReportAsync(ProxySettings settings, ImportResult result)
    {
        await Console.Out.WriteLineAsync($"{Amount.Of(result.Imported, "record")} {(result.Imported == 1 ? "was" : "were")} imported into "
            + $"{settings.Analytics.Place} ({settings.Analytics.Backend}).");
        if (result.AlreadyThere > 0)
        {
            await Console.Out.WriteLineAsync($"{Amount.Of(result.AlreadyThere, "record")} {(result.AlreadyThere == 1 ? "was" : "were")} already there.");
        }

        if (result.TooOld > 0)
        {
            await Console.Out.WriteLineAsync(
                $"{Amount.Of(result.TooOld, "record")} older than {Amount.Of(settings.Analytics.RetentionDays, "day")} skipped, because the proxy would "
                    + "delete them at once. To keep them, set ANALYTICS_RETENTION_DAYS (0 keeps everything) for import and proxy, and import again.");
        }

        if (result.WithoutTime > 0)
        {
            await Console.Error.WriteLineAsync($"{Amount.Of(result.WithoutTime, "row")} skipped: the time cannot be read.");
        }
    }
}
