using OllamaProxy.Domain;

namespace OllamaProxy.StoreTests;

public abstract partial class RememberingStoreContract
{
    [Fact]
    public async Task Statistics_count_sum_and_group()
    {
        var store = await OpenAsync();
        await store.WriteAsync(
            [
                Records.At(1) with { Latency = TimeSpan.FromSeconds(1), InputTokens = 5, OutputTokens = 7, ClientIp = "a", Application = "one",
                    TokensPerSecond = 10 },
                Records.At(2) with { Latency = TimeSpan.FromSeconds(3), InputTokens = 6, CachedInputTokens = 2, ClientIp = "b",
                    TimeToFirstToken = TimeSpan.FromSeconds(0.5) },
                Records.At(3) with { Latency = TimeSpan.FromSeconds(2), Outcome = ExchangeOutcome.Rejected, ClientIp = "a", Stream = true,
                    TimeToFirstToken = TimeSpan.FromSeconds(9) },
                Records.At(7_201) with { Model = null, Outcome = ExchangeOutcome.ClientCancelled, Endpoint = ApiEndpoint.FromLabel("tags")!,
                    Category = PromptCategory.Other },
            ],
            default);

        var stats = await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1)), default);

        Assert.Equal((4, 2, 1, 1), (stats.Total.Requests, stats.Total.Successes, stats.Total.Errors, stats.Total.Cancelled));
        Assert.Equal((11, 2, 7), (stats.Total.InputTokens, stats.Total.CachedInputTokens, stats.Total.OutputTokens));
        Assert.Equal((4, 1.75, 3), (stats.Total.Latency.Count, stats.Total.Latency.Mean!.Value, stats.Total.Latency.Max!.Value));
        Assert.Equal((2, 9.0), (stats.Total.TimeToFirstToken.Count, stats.Total.TimeToFirstToken.Max!.Value));
        Assert.Equal((1, 10.0), (stats.Total.TokensPerSecond.Count, stats.Total.TokensPerSecond.Max!.Value));
        Assert.Equal([("phi4:latest", 3), (null, 1)], stats[StatDimension.Model].Select(group => (group.Key, group.Line.Requests)));
        Assert.Equal([("chat", 3), ("tags", 1)], stats[StatDimension.Endpoint].Select(group => (group.Key, group.Line.Requests)));
        Assert.Equal([("empty", 3), ("other", 1)], stats[StatDimension.Category].Select(group => (group.Key, group.Line.Requests)));
        Assert.Equal([("a", 2), ("b", 1), (null, 1)], stats[StatDimension.Client].Select(group => (group.Key, group.Line.Requests)));
        Assert.Equal([(null, 3), ("one", 1)], stats[StatDimension.Application].Select(group => (group.Key, group.Line.Requests)));
        Assert.Equal([("completed", 2), ("client_cancelled", 1), ("rejected", 1)],
            stats[StatDimension.Outcome].Select(group => (group.Key, group.Line.Requests)));
        Assert.Equal((1, 2), (stats.ModelCount, stats.ClientCount));
        Assert.Equal([(Records.At(0).Timestamp, 3), (Records.At(7_200).Timestamp, 1)], stats.Series.Select(step => (step.Start, step.Line.Requests)));
    }

    [Fact]
    public async Task The_ends_of_a_range_of_statistics_are_inclusive_to_the_microsecond()
    {
        var store = await OpenAsync();
        var hour = Records.At(0).Timestamp;
        DateTimeOffset[] times = [hour.AddMicroseconds(-1), hour, hour.AddMicroseconds(1), hour.AddHours(1).AddMicroseconds(-1), hour.AddHours(1),
            hour.AddHours(1).AddMicroseconds(1)];
        await store.WriteAsync([.. times.Select(time => Records.At(0) with { Timestamp = time })], default);

        foreach (var from in times)
        {
            foreach (var to in times)
            {
                var stats = await store.SummarizeAsync(new StatsQuery(new RequestFilter { From = from, To = to }), default);
                Assert.Equal(times.Count(time => time >= from && time <= to), stats.Total.Requests);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Statistics_are_those_of_the_records_whatever_is_asked(int seed)
    {
        var random = new RandomRecords(seed);
        var store = await OpenAsync();
        var all = await FillAsync(store, random.Some(400, s_days));

        for (var question = 0; question < 40; question++)
        {
            var query = Question(random, question % 4 == 0 ? random.AnyFilter(s_days) : random.Filter(s_days));
            Expected.AssertStats(all, query with { Filter = AsAsked(query.Filter) }, await store.SummarizeAsync(query, default));
        }
    }

    [Fact]
    public async Task Statistics_are_right_after_every_removal()
    {
        var random = new RandomRecords(11);
        var store = await OpenAsync();
        var all = await FillAsync(store, random.Some(400, s_days));

        for (var round = 0; round < 12; round++)
        {
            if (round % 3 == 0)
            {
                var id = all[random.Next(all.Count)].Id;
                Assert.True(await store.DeleteAsync(id, default));
                all.RemoveAll(record => record.Id == id);
            }
            else
            {
                var filter = random.AnyFilter(s_days) with { Category = PromptCategory.CodeWrite };
                Assert.Equal(all.RemoveAll(record => Expected.Matches(record, AsAsked(filter))), await store.DeleteAsync(filter, default));
            }

            var query = Question(random, RequestFilter.Everything);
            Expected.AssertStats(all, query with { Filter = AsAsked(query.Filter) }, await store.SummarizeAsync(query, default));
            query = Question(random, random.Filter(s_days));
            Expected.AssertStats(all, query with { Filter = AsAsked(query.Filter) }, await store.SummarizeAsync(query, default));
        }

        Assert.Equal(all, await ReadAsync(store, RequestFilter.Everything));
    }

    private static StatsQuery Question(RandomRecords random, RequestFilter filter)
    {
        TimeSpan? step = random.Next(4) switch { 0 => TimeSpan.FromHours(1), 1 => TimeSpan.FromHours(6), 2 => TimeSpan.FromMinutes(15), _ => null };
        return new StatsQuery(filter, step, 1 + random.Next(5), step is not null
            && random.Next(4) > 0 ? (StatDimension)random.Next(Enum.GetValues<StatDimension>().Length) : null)
        {
            Groups = random.Next(2) == 0 ? null : [.. Enum.GetValues<StatDimension>().Where(_ => random.Next(3) == 0)],
        };
    }
}
