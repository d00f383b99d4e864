using System.Globalization;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure;

namespace OllamaProxy.Host.Commands.Data;

/// <summary><c>ollama-proxy export</c>: every matching record into a file, or to standard output.</summary>
internal static class ExportCommand
{
    private const int PieceSize = 64 * 1024;

    /// <summary>The format by the extension of the file; null without a file or extension. Throws for an unknown extension.</summary>
    public static string? FormatOf(FileInfo? file) => file?.Extension.ToLowerInvariant() switch
    {
        null or "" => null,
        ".ndjson" => "jsonl",
        var ending when ExportRequests.Formats.Contains(ending[1..]) => ending[1..],
        var ending => throw new CommandException($"{ending} is not an export format. Name the file .json, .jsonl or .csv, or set --format.")
        {
            ExitCode = ExitCodes.CannotStart,
        },
    };

    /// <param name="settings">Where the proxy and its store are.</param>
    /// <param name="url">A proxy on another host.</param>
    /// <param name="export">The export's path and query.</param>
    /// <param name="count">The path and query whose statistics count the same records; null when the number is unknown.</param>
    /// <param name="file">The file; null for standard output.</param>
    /// <param name="cancellationToken">Ends the export; a partial file is removed.</param>
    public static async Task<int> RunAsync(ProxySettings settings, Uri? url, string export, string? count, FileInfo? file, CancellationToken cancellationToken)
    {
        await using var api = await ApiSession.OpenAsync(settings, url, cancellationToken);
        var total = count is null || file is null || !Terminal.IsWatched
            ? 0
            : (await api.GetAsync(count, AnalyticsJson.Relaxed.StatsJson, cancellationToken)).Total.Requests;
        using var answer = await api.SendAsync(HttpMethod.Get, export, cancellationToken);
        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        if (file is null)
        {
            await using var output = Console.OpenStandardOutput();
            await CopyAsync(body, output, null, static _ => { }, cancellationToken);
            return ExitCodes.Success;
        }

        // Write a temporary file and rename it when complete, so a partial file cannot look complete.
        var part = new FileInfo(file.FullName + ".part");
        try
        {
            long written;
            await using (var output = PrivateFiles.Open(part.FullName, FileMode.Create, FileShare.None, FileAccess.Write))
            {
                using var progress = new ProgressBar("records", total, TimeProvider.System);
                var counter = total > 0 ? new RecordCounter(isCsv: answer.Content.Headers.ContentType?.MediaType == "text/csv") : null;
                written = await CopyAsync(body, output, counter, read => progress.Report(Math.Min(read, total)), cancellationToken);
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

    private static async Task<long> CopyAsync(Stream body, Stream output, RecordCounter? counter, Action<long> report, CancellationToken cancellationToken)
    {
        var piece = new byte[PieceSize];
        long written = 0;
        int read;
        try
        {
            while ((read = await body.ReadAsync(piece, cancellationToken)) > 0)
            {
                await output.WriteAsync(piece.AsMemory(0, read), cancellationToken);
                written += read;
                if (counter is not null)
                {
                    report(counter.Count(piece.AsSpan(0, read)));
                }
            }
        }
        catch (Exception exception) when (exception is HttpIOException or HttpRequestException)
        {
            throw new CommandException("the export was cut: the store failed, or the proxy stopped. No partial file remains.");
        }

        return written;
    }

    /// <summary>Counts records by line breaks: each record ends with one, and CSV has more inside quotes.</summary>
    internal sealed class RecordCounter(bool isCsv)
    {
        // The header line is not a record.
        private long _records = isCsv ? -1 : 0;
        private bool _isQuoted;

        /// <summary>Records that began up to the end of this chunk.</summary>
        public long Count(ReadOnlySpan<byte> piece)
        {
            if (!isCsv)
            {
                return _records += piece.Count((byte)'\n');
            }

            foreach (var value in piece)
            {
                _isQuoted ^= value == (byte)'"';
                _records += value == (byte)'\n' && !_isQuoted ? 1 : 0;
            }

            return Math.Max(0, _records);
        }
    }
}
