using System.Globalization;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure;

namespace OllamaProxy.Host.Commands.Data;

/// <summary><c>ollama-proxy export</c>: every matching record into a file, or to standard output.</summary>
internal static class ExportCommand
{
    private const int PieceSize = 64 * 1024;

    /// <param name="settings">Where the proxy and its store are.</param>
    /// <param name="url">A proxy somewhere else.</param>
    /// <param name="export">The export's path and query.</param>
    /// <param name="count">The path and query whose statistics count the same records; null when the number is not known before.</param>
    /// <param name="file">Where to; null for standard output.</param>
    /// <param name="cancellationToken">Ends it; a file that is not whole is removed.</param>
    public static async Task<int> RunAsync(ProxySettings settings, Uri? url, string export, string? count, FileInfo? file, CancellationToken cancellationToken)
    {
        await using var api = await ApiSession.OpenAsync(settings, url, cancellationToken);
        var total = count is null || file is null || !Terminal.IsWatched ? 0 : (await api.GetAsync(count, AnalyticsJson.Relaxed.StatsJson, cancellationToken)).Total.Requests;
        using var answer = await api.SendAsync(HttpMethod.Get, export, cancellationToken);
        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        if (file is null)
        {
            await using var output = Console.OpenStandardOutput();
            await CopyAsync(body, output, null, cancellationToken);
            return ExitCodes.Success;
        }

        // Beside it, and moved in its place when it is whole: nobody takes a part for the whole.
        var part = new FileInfo(file.FullName + ".part");
        try
        {
            long written;
            await using (var output = PrivateFiles.Open(part.FullName, FileMode.Create, FileShare.None, FileAccess.Write))
            {
                using var progress = new ProgressBar("records", total, TimeProvider.System);
                written = await CopyAsync(body, output, total > 0 ? progress : null, cancellationToken);
            }

            part.MoveTo(file.FullName, overwrite: true);
            await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{file.FullName}: {Terminal.Bytes(written)}"));
            return ExitCodes.Success;
        }
        catch
        {
            part.Refresh();
            if (part.Exists)
            {
                part.Delete();
            }

            throw;
        }
    }

    /// <summary>Counts line ends as it copies: every format has one for each record, save within a text of CSV.</summary>
    private static async Task<long> CopyAsync(Stream body, Stream output, ProgressBar? progress, CancellationToken cancellationToken)
    {
        var piece = new byte[PieceSize];
        long written = 0, lines = 0;
        int read;
        try
        {
            while ((read = await body.ReadAsync(piece, cancellationToken)) > 0)
            {
                await output.WriteAsync(piece.AsMemory(0, read), cancellationToken);
                written += read;
                if (progress is not null)
                {
                    lines += piece.AsSpan(0, read).Count((byte)'\n');
                    progress.Report(lines);
                }
            }
        }
        catch (Exception exception) when (exception is HttpIOException or HttpRequestException)
        {
            throw new CommandException("the export ended too early: the store failed, or the proxy stopped. Nothing was kept of it.");
        }

        return written;
    }
}
