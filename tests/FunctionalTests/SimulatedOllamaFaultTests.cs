using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The simulated faults look like the recorded ones.</summary>
public sealed class SimulatedOllamaFaultTests
{
    [Fact]
    public async Task A_killed_runner_ends_the_stream_with_the_recorded_error_line()
    {
        await using var server = await SimulatedOllamaServer.StartAsync();
        using var client = new HttpClient { BaseAddress = server.Address };

        using var answer = await AskAsync(client, "/api/generate", "slow-fault-error");

        Assert.Equal(200, (int)answer.StatusCode);
        Assert.EndsWith("{\"error\":\"an error was encountered while running the model: unexpected EOF\"}\n", await answer.Content.ReadAsStringAsync(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_stream_has_no_last_chunk()
    {
        await using var server = await SimulatedOllamaServer.StartAsync();
        using var client = new HttpClient { BaseAddress = server.Address };

        await Assert.ThrowsAsync<HttpRequestException>(() => AskAsync(client, "/api/generate", "slow-fault-cut"));
    }

    [Fact]
    public async Task A_fault_can_be_planned_for_only_the_next_inference()
    {
        await using var server = await SimulatedOllamaServer.StartAsync();
        using var client = new HttpClient { BaseAddress = server.Address };
        server.Faults.Next(Fault.Busy);

        using var refused = await AskAsync(client, "/api/generate", "slow");
        using var served = await AskAsync(client, "/api/generate", "slow");

        Assert.Equal(503, (int)refused.StatusCode);
        Assert.Equal(Transcript.Load("85-busy-req3").Response.Body, await refused.Content.ReadAsByteArrayAsync());
        Assert.Equal(200, (int)served.StatusCode);
    }

    [Fact]
    public async Task A_hanging_request_ends_when_its_client_disconnects()
    {
        await using var server = await SimulatedOllamaServer.StartAsync();
        using var client = new HttpClient { BaseAddress = server.Address };
        using var leave = new CancellationTokenSource();
        var asked = AskAsync(client, "/api/generate", "slow-fault-hang", leave.Token);
        await Eventually.TrueAsync(() => server.Received is [{ BodySha256: not null }]);

        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await Eventually.TrueAsync(() => server.Received[0].ClientLeft);
    }

    private static Task<HttpResponseMessage> AskAsync(HttpClient client, string path, string model, CancellationToken cancellationToken = default) =>
        client.PostAsync(new Uri(path, UriKind.Relative), new StringContent($"{{\"model\":\"{model}\",\"prompt\":\"x\"}}"), cancellationToken);
}
