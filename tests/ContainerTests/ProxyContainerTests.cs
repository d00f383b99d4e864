using System.Globalization;
using System.Net;
using System.Text;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.ContainerTests;

/// <summary>The image of the Dockerfile in a real container engine, in front of a simulated Ollama on this machine.</summary>
public sealed class ProxyContainerTests(ProxyImage proxyImage)
{
    private const string Token = "for-those-outside-the-container";
    private const int StreamedTokens = 30;

    // Listen on every address, because the container reaches this machine from outside.
    private static readonly SimulatedOllamaOptions s_ollama = new() { Address = "0.0.0.0",
        Models = [new("drip:latest") { TokensPerSecond = 15 }, .. SimulatedModel.Small] };

    [Fact]
    public async Task With_only_the_C_library_and_no_privileges_it_forwards_measures_and_records()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var image = await proxyImage.GetAsync(withOpenSsl: false, cancellation);
        await using var ollama = await SimulatedOllamaServer.StartAsync(s_ollama, cancellationToken: cancellation);
        await using var proxy = await ProxyContainer.StartAsync(image, ollama.Address.Port, cancellationToken: cancellation);

        using var request = Generate("tiny", "Explain containers", 5);
        using var answer = await proxy.Client.SendAsync(request, cancellation);
        var lines = (await answer.Content.ReadAsStringAsync(cancellation)).TrimEnd().Split('\n');
        var health = await proxy.Client.GetStringAsync("/healthz", cancellation);
        var record = await proxy.RecordAsync("containers", cancellation);
        var metrics = await proxy.Client.GetStringAsync("/metrics", cancellation);
        using var stranger = await proxy.Client.GetAsync("/analytics/stats", cancellation);
        using var login = await proxy.Client.GetAsync("/analytics/login", cancellation);

        Assert.Contains("\"done\":true", lines[^1], StringComparison.Ordinal);
        Assert.Equal("""{"status":"ok","store":{"state":"ok"}}""", health);
        Assert.Equal("completed", record.GetProperty("outcome").GetString());
        Assert.False(IPAddress.IsLoopback(IPAddress.Parse(record.GetProperty("client_ip").GetString()!)));
        Assert.Contains("ollama_requests_total{", metrics, StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (stranger.StatusCode, login.StatusCode));
    }

    [Fact]
    public async Task With_a_token_clients_outside_the_container_can_read_the_records()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var image = await proxyImage.GetAsync(withOpenSsl: true, cancellation);
        await using var ollama = await SimulatedOllamaServer.StartAsync(s_ollama, cancellationToken: cancellation);
        await using var proxy = await ProxyContainer.StartAsync(image, ollama.Address.Port, token: Token, cancellationToken: cancellation);

        using var stranger = await proxy.Client.GetAsync("/analytics/stats", cancellation);
        proxy.Client.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        using var reader = await proxy.Client.GetAsync("/analytics/stats", cancellation);

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.OK), (stranger.StatusCode, reader.StatusCode));
    }

    [Fact]
    public async Task A_token_without_OpenSSL_stops_the_start_with_instructions()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var image = await proxyImage.GetAsync(withOpenSsl: false, cancellation);
        await using var container = new ContainerBuilder(image).WithEnvironment("ANALYTICS_TOKEN", Token).Build();

        await container.StartAsync(cancellation);
        var code = await container.GetExitCodeAsync(cancellation);
        var (_, errors) = await container.GetLogsAsync(timestampsEnabled: false, ct: cancellation);

        Assert.Equal(2, code);
        Assert.Contains("ANALYTICS_TOKEN needs OpenSSL", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_health_check_detects_a_proxy_that_does_not_answer()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var image = await proxyImage.GetAsync(withOpenSsl: false, cancellation);
        await using var ollama = await SimulatedOllamaServer.StartAsync(s_ollama, cancellationToken: cancellation);
        await using var proxy = await ProxyContainer.StartAsync(image, ollama.Address.Port, cancellationToken: cancellation);

        var well = await proxy.RunAsync(["status", "--check"], cancellation);
        var other = await proxy.RunAsync(["status", "--check", "--proxy-port", "1"], cancellation);

        Assert.Equal(TestcontainersHealthStatus.Healthy, proxy.Container.Health);
        Assert.Equal((0L, 1L), (well.ExitCode, other.ExitCode));
        Assert.Empty(well.Stdout);
    }

    [Fact]
    public async Task A_stop_lets_a_stream_finish_and_its_record_is_there_after_the_next_start()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var image = await proxyImage.GetAsync(withOpenSsl: false, cancellation);
        await using var ollama = await SimulatedOllamaServer.StartAsync(s_ollama, cancellationToken: cancellation);
        await using var data = new VolumeBuilder().Build();
        await data.CreateAsync(cancellation);
        IReadOnlyList<string> lines;
        long exitCode;
        await using (var first = await ProxyContainer.StartAsync(image, ollama.Address.Port, data, cancellationToken: cancellation))
        {
            using var request = Generate("drip", "Survive the stop", StreamedTokens);
            using var answer = await first.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellation));
            var begun = (await reader.ReadLineAsync(cancellation))!;
            var stopping = first.Container.StopAsync(cancellation);
            lines = [begun, .. (await reader.ReadToEndAsync(cancellation)).TrimEnd().Split('\n')];
            await stopping;
            exitCode = await first.Container.GetExitCodeAsync(cancellation);
        }

        await using var second = await ProxyContainer.StartAsync(image, ollama.Address.Port, data, cancellationToken: cancellation);
        var record = await second.RecordAsync("Survive", cancellation);

        Assert.Contains("\"done\":true", lines[^1], StringComparison.Ordinal);
        Assert.Equal(0, exitCode);
        Assert.Equal(("completed", StreamedTokens), (record.GetProperty("outcome").GetString(), record.GetProperty("output_tokens").GetInt32()));
    }

    [Fact]
    public async Task It_runs_as_an_unprivileged_user_and_stores_its_records_in_a_volume()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var image = await ProxyImage.InspectAsync(await proxyImage.GetAsync(withOpenSsl: false, cancellation), cancellation);

        Assert.Equal("1654:1654", image.Config!.User);
        Assert.Equal(["/data"], image.Config.Volumes!.Keys);
        Assert.Equal([ProxyContainer.Executable], image.Config.Entrypoint);
        Assert.Equal(["CMD", ProxyContainer.Executable, "status", "--check"], image.Config.Healthcheck!.Test);
    }

    private static HttpRequestMessage Generate(string model, string prompt, int tokens) => new(HttpMethod.Post, "/api/generate")
    {
        Content = new StringContent(
            string.Create(CultureInfo.InvariantCulture, $$$"""{"model":"{{{model}}}","prompt":"{{{prompt}}}","options":{"num_predict":{{{tokens}}}}}"""),
            Encoding.UTF8, "application/json"),
    };
}
