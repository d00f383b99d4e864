using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>What is done behind the answers: sums and the text index are made, packed, and made again where they are damaged.</summary>
internal sealed partial class SqliteAnalyticsStore
{
    /// <summary>Makes the parts of the text index and the hourly sums that are stale, in small pieces. Runs by itself after everything that makes some so.</summary>
    internal Task Upkeep()
    {
        lock (_closing)
        {
            // After the one that runs: it may have looked for the last time already.
            return _upkeep = UpkeepAsync(_upkeep);
        }
    }

    /// <summary>Has the sums of an hour made again, which were damaged.</summary>
    private async Task MakeAgainAsync(long hour, CancellationToken cancellationToken)
    {
        if (logger is not null)
        {
            Log.DamagedSums(logger, DateTimeOffset.UnixEpoch.AddHours(hour), _file.Path);
        }

        try
        {
            await _file.WritingAsync(
                writer =>
                {
                    using var transaction = writer.BeginTransaction();
                    SqliteRollups.MakeStale(writer, hour);
                    transaction.Commit();
                    return true;
                },
                cancellationToken);
            _ = Upkeep();
        }
        // Locked or full: the answer is there, and the next question tries again.
        catch (SqliteException)
        {
        }
    }

    private async Task UpkeepAsync(Task before)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            var closing = _closing.Token;
            // What is summed up is packed before more is: sums that are a row each take many times the space.
            while (await _file.WritingAsync(SqliteHourPacks.PackPiece, closing)
                || await RemovingAsync(() => SumUpAsync(closing), closing)
                || await _file.WritingAsync(SqliteTextIndex.MakePiece, closing))
            {
            }
        }
        // Closed, locked or full: what is stale stays so, answers stay right, and the next removal or start goes on with it.
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException or SqliteException)
        {
        }
        catch (Exception exception) when (logger is not null)
        {
            Log.UpkeepFailed(logger, exception);
        }

        async Task<bool> SumUpAsync(CancellationToken closing)
        {
            var stale = await _file.ReadingAsync(SqliteRollups.FindStale, closing);
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

            return stale is not null;
        }
    }
}
