using System.Diagnostics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

/// <summary>Two proxies write to one database; one of them is killed again and again, and so is the server.</summary>
public sealed class PostgresKillTests
{
    /// <summary>Fifty and twenty with <c>./build.sh test --slow</c>.</summary>
    private static readonly bool s_isSlow = Environment.GetEnvironmentVariables()["RUN_SLOW_TESTS"] is "1";

    private static readonly int s_proxyKills = s_isSlow ? 50 : 4;
    private static readonly int s_serverKills = s_isSlow ? 20 : 2;

    [Fact]
    public async Task Nothing_confirmed_is_lost_nothing_is_there_twice_and_sums_equal_the_records()
    {
        await using var server = await PostgresServer.StartAsync();
        Assert.SkipWhen(server is null, PostgresServer.Reason);
        var url = await server.CreateDatabaseAsync();
        HashSet<string> confirmed = [];
        using var steady = new Writer(url, confirmed);
        var killed = new Writer(url, confirmed);
        var serverKills = 0;
        for (var round = 1; round <= s_proxyKills; round++)
        {
            await killed.WriteSomeAsync(Random.Shared.Next(1, 12));
            await killed.KillAsync();
            killed = new Writer(url, confirmed);
            if (serverKills < s_serverKills * round / s_proxyKills)
            {
                serverKills++;
                await Task.WhenAll(steady.WriteSomeAsync(3), killed.WriteSomeAsync(3));
                await server.KillAsync();
                await server.RestartAsync();
                await Task.WhenAll(steady.WriteSomeAsync(2), killed.WriteSomeAsync(2));
            }
        }

        Assert.Equal(s_serverKills, serverKills);
        await steady.WriteSomeAsync(1);
        await steady.KillAsync();
        await killed.KillAsync();

        using var store = new PostgresAnalyticsStore(new AnalyticsOptions { Database = PostgresFixture.Database(url) }, TimeProvider.System);
        await store.OpenAsync(default);
        var all = await store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Superset(confirmed, all.Select(record => record.RequestId).ToHashSet());
        Assert.Equal(all.Count, all.Select(record => record.RequestId).Distinct().Count());
        Assert.Equal(all.Count, (await store.DescribeAsync(default)).TotalRecords);
        var query = new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1));
        Expected.AssertStats(all, query, await store.SummarizeAsync(query, default));
    }

    /// <summary>A process that writes batches, and says of each that was written which records it had.</summary>
    private sealed class Writer : IDisposable
    {
        private readonly HashSet<string> _confirmed;
        private readonly Process _process;
        private readonly Task _reading;
        private readonly SemaphoreSlim _batches = new(0);

        public Writer(string url, HashSet<string> confirmed)
        {
            _confirmed = confirmed;
            var program = ProxyProcess.BuildOutput("tests/StoreProcess", OperatingSystem.IsWindows() ? "store-process.exe" : "store-process");
            var start = new ProcessStartInfo(program, ["postgres", "unused", url]) { RedirectStandardOutput = true };
            // As in the program: what blocks on the thread that completes a socket waits for itself.
            start.Environment["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1";
            _process = Process.Start(start)!;
            _reading = ReadAsync();
        }

        public async Task WriteSomeAsync(int batches)
        {
            while (batches-- > 0)
            {
                Assert.True(await _batches.WaitAsync(Patience.Limit), "The process writes no more.");
            }
        }

        public async Task KillAsync()
        {
            _process.Kill();
            await _reading;
            Dispose();
        }

        public void Dispose()
        {
            if (!_reading.IsCompleted)
            {
                _process.Kill();
            }

            _process.Dispose();
            _batches.Dispose();
        }

        private async Task ReadAsync()
        {
            while (await _process.StandardOutput.ReadLineAsync() is { } line)
            {
                // A line may be cut by the kill.
                if (line.Split(' ') is [.. var ids, "."])
                {
                    lock (_confirmed)
                    {
                        _confirmed.UnionWith(ids);
                    }

                    _batches.Release();
                }
            }
        }
    }
}
