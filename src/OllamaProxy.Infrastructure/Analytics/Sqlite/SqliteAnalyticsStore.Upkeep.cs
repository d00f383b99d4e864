using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The work in the background: it computes the sums of stale hours and rebuilds stale parts of the text index.</summary>
internal sealed partial class SqliteAnalyticsStore
{
    /// <summary>After so many hours, the log says how many are left.</summary>
    private const int HoursBetweenMessages = 100;

    /// <summary>Rebuilds stale sums and parts of the text index, in small pieces. Runs after everything that makes some stale.</summary>
    internal Task Upkeep()
    {
        lock (_closing)
        {
            // After the current run, which may have looked for the last time already.
            return _upkeep = UpkeepAsync(_upkeep);
        }
    }

    private async Task UpkeepAsync(Task before)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            var closing = _closing.Token;
            await SumUpAsync(closing);
            while (await _file.WritingAsync(SqliteTextIndex.MakePiece, closing))
            {
            }
        }
        // Closed, locked or full: what is stale stays stale, answers stay right, and the next removal or start goes on with it.
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException or SqliteException)
        {
        }
        catch (Exception exception) when (logger is not null)
        {
            Log.UpkeepFailed(logger, exception);
        }
    }

    private async Task SumUpAsync(CancellationToken closing)
    {
        var computed = 0;
        while (await RemovingAsync(() => SumUpNewestAsync(closing), closing) is > 0 and var left)
        {
            // A removal makes few hours stale; a file of an earlier version has only stale hours.
            if (logger is not null && computed == 0 && left > HoursBetweenMessages)
            {
                Log.Computing(logger, left, _file.Path);
            }
            else if (logger is not null && computed > 0 && computed % HoursBetweenMessages == 0)
            {
                Log.ComputingStill(logger, left);
            }

            computed++;
        }

        await _file.WritingAsync(
            static writer =>
            {
                SqliteRollups.RemoveUnusedLabels(writer);
                return true;
            },
            closing);
        if (logger is not null && computed > HoursBetweenMessages)
        {
            Log.Computed(logger);
        }
    }

    /// <summary>Computes the sums of the newest stale hour; returns how many were stale.</summary>
    private async Task<long> SumUpNewestAsync(CancellationToken closing)
    {
        var (stale, count) = await _file.ReadingAsync(SqliteRollups.FindStale, closing);
        if (stale is { } hour)
        {
            var (sums, last) = await _file.ReadingAsync(reader => SqliteRollups.SumUp(reader, hour), closing);
            await _file.WritingAsync(
                writer =>
                {
                    SqliteRollups.Restore(writer, hour, sums, last);
                    return true;
                },
                closing);
        }

        return count;
    }
}
