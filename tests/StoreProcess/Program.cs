using System.Globalization;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

// store-process BACKEND FOLDER [URL]: writes batches of records until it is killed, and prints the records of each batch once it is written.
var store = AnalyticsBackends.Create(new Services(new AnalyticsOptions
{
    Backend = args[0], Directory = args[1], Database = args.Length > 2 ? PostgresDatabase.Parse(args[2]).Database : null,
}));
await OpenAsync();
var random = new Random();
var time = DateTimeOffset.UnixEpoch.AddYears(50);
while (true)
{
    var batch = Enumerable.Range(0, random.Next(1, 60)).Select(_ => new RequestRecord
    {
        RequestId = Guid.NewGuid().ToString("N"),
        Timestamp = time += TimeSpan.FromSeconds(random.Next(100)),
        Model = "phi4:latest",
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Category = PromptCategory.Other,
        Outcome = ExchangeOutcome.Completed,
        Latency = TimeSpan.FromMilliseconds(random.Next(10_000)),
        ClientIp = string.Create(CultureInfo.InvariantCulture, $"10.0.0.{random.Next(50)}"),
        Prompt = "why is it so " + new string('x', random.Next(3_000)),
        Response = "because",
    }).ToList();
    await WriteAsync(batch);
    // The line ends with a marker, because the kill may truncate it.
    await Console.Out.WriteLineAsync($"{string.Join(' ', batch.Select(record => record.RequestId))} .");
}

async Task OpenAsync()
{
    while (true)
    {
        try
        {
            await store.OpenAsync(default);
            return;
        }
        catch (AnalyticsStoreException) when (store.Backend == AnalyticsBackends.Postgres)
        {
            await Task.Delay(20);
        }
    }
}

// Retry the same records while the server is away, as the recording worker does.
async Task WriteAsync(List<RequestRecord> batch)
{
    while (true)
    {
        try
        {
            await store.WriteAsync(batch, default);
            return;
        }
        catch (AnalyticsStoreException) when (store.Backend == AnalyticsBackends.Postgres)
        {
            await Task.Delay(20);
        }
    }
}

/// <summary>The services that a backend may request.</summary>
internal sealed class Services(AnalyticsOptions options) : IServiceProvider
{
    public object? GetService(Type serviceType) =>
        serviceType == typeof(AnalyticsOptions) ? options : serviceType == typeof(TimeProvider) ? TimeProvider.System : null;
}
