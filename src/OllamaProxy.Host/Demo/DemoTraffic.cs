using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>The applications of the demo, each at its own pace, until canceled. Failures are part of the demo and stop nothing.</summary>
internal sealed class DemoTraffic
{
    /// <summary>Seconds between two requests of an application with weight 1.</summary>
    private const double Pause = 30;

    /// <summary>More concurrent embeddings than the slots and the queue of the demo can hold.</summary>
    private const int Burst = DemoRun.Concurrent + DemoRun.Queued + 2;

    private readonly HttpClient _client;
    private readonly FaultPlan _faults;
    private readonly TimeProvider _time;

    private DemoTraffic(HttpClient client, FaultPlan faults, TimeProvider time) => (_client, _faults, _time) = (client, faults, time);

    /// <param name="proxy">The address of the proxy.</param>
    /// <param name="faults">The faults of the simulated Ollama.</param>
    /// <param name="time">The clock of the pauses.</param>
    /// <param name="cancellationToken">Ends the traffic.</param>
    public static async Task RunAsync(Uri proxy, FaultPlan faults, TimeProvider time, CancellationToken cancellationToken)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = proxy, Timeout = Timeout.InfiniteTimeSpan };
        var traffic = new DemoTraffic(client, faults, time);
        await Task.WhenAll(
        [
            .. DemoApplication.All.Select((application, index) => traffic.UseAsync(application, index, cancellationToken)),
            traffic.PollAsync(cancellationToken),
            traffic.FailAsync(cancellationToken),
        ]);
    }

    private async Task UseAsync(DemoApplication application, int seed, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        await WaitAsync(0.25 * seed, cancellationToken);
        for (var turn = 0; !cancellationToken.IsCancellationRequested; turn++)
        {
            var next = application.Next(random);
            DemoConversation[] earlier =
            [
                .. Enumerable.Range(0, random.Next(3)).Select(_ => application.Next(random).Conversation)
                    .Where(one => one.Topic == next.Conversation.Topic && one.Answer.ToolCall is null),
            ];
            // A context that is too small truncates the first document and some later ones.
            var isLong = application.ContextLength is not null && turn % 4 == 0;
            var body = DemoRequests.Body(application, next.Conversation, next.Model, earlier, isLong);
            await PostAsync(application, next.Client, body, random.Next(70) == 0 ? 900 : int.MaxValue, cancellationToken);
            await WaitAsync(Pause / application.Weight * (0.4 + (1.2 * random.NextDouble())), cancellationToken);
        }
    }

    /// <summary>Open WebUI's page, which polls the models.</summary>
    private async Task PollAsync(CancellationToken cancellationToken)
    {
        var page = DemoApplication.All[0];
        for (var turn = 0; !cancellationToken.IsCancellationRequested; turn++)
        {
            var path = (turn % 3) switch { 0 => "/api/version", 1 => "/api/tags", _ => "/api/ps" };
            await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), page, page.Clients[0], int.MaxValue, cancellationToken);
            await WaitAsync(4, cancellationToken);
        }
    }

    /// <summary>Causes failures: each kind once in the first seconds, so no chart stays empty, and then rarely.</summary>
    private async Task FailAsync(CancellationToken cancellationToken)
    {
        var random = new Random(3);
        var agent = DemoApplication.All.First(one => one.Topics.Contains(DemoTopic.Agent));
        var embedder = DemoApplication.All.First(one => one.Endpoint == ApiEndpoint.Embed);
        var script = DemoApplication.All.First(one => one.Endpoint == ApiEndpoint.OpenAiChat);
        for (var turn = 0; !cancellationToken.IsCancellationRequested; turn++)
        {
            var next = script.Next(random);
            switch (turn % 6)
            {
                case 0:
                    // A model that is not installed.
                    var misspelled = DemoRequests.Body(script, next.Conversation, "qwen3:14b", [], isLong: false);
                    await PostAsync(script, next.Client, misspelled, int.MaxValue, cancellationToken);
                    break;
                case 1:
                    _faults.Next(Fault.Error);
                    break;
                case 2:
                    await PostAsync(script, next.Client, DemoRequests.Body(script, next.Conversation, next.Model, [], isLong: false), 900, cancellationToken);
                    break;
                case 3:
                    var body = DemoRequests.Body(embedder, next.Conversation, embedder.Models[0], [], isLong: false);
                    await Task.WhenAll(Enumerable.Range(0, Burst).Select(_ => PostAsync(embedder, embedder.Clients[0], body, int.MaxValue, cancellationToken)));
                    break;
                case 4:
                    _faults.Next(turn % 12 == 4 ? Fault.Cut : Fault.Busy);
                    break;
                default:
                    // A model without tools.
                    var tools = DemoRequests.Body(agent, agent.Next(random).Conversation with { Topic = DemoTopic.Agent }, "gemma3:12b", [], isLong: false);
                    await PostAsync(agent, agent.Clients[0], tools, int.MaxValue, cancellationToken);
                    break;
            }

            await WaitAsync(turn < 4 ? 1 : 30 + (30 * random.NextDouble()), cancellationToken);
        }
    }

    private Task PostAsync(DemoApplication application, string client, byte[] body, int readAtMost, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, application.Endpoint.Path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        return SendAsync(request, application, client, readAtMost, cancellationToken);
    }

    /// <param name="request">The request to send.</param>
    /// <param name="application">The sending application.</param>
    /// <param name="client">The address of its machine, which the demo's proxy trusts.</param>
    /// <param name="readAtMost">Bytes after which the client disconnects.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    private async Task SendAsync(HttpRequestMessage request, DemoApplication application, string client, int readAtMost, CancellationToken cancellationToken)
    {
        request.Headers.TryAddWithoutValidation("User-Agent", application.UserAgent);
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", client);
        try
        {
            using (request)
            using (var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken))
            {
                await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
                var buffer = new byte[4096];
                for (int total = 0, read; total < readAtMost && (read = await stream.ReadAsync(buffer, cancellationToken)) > 0; total += read)
                {
                }
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
        }
    }

    private async Task WaitAsync(double seconds, CancellationToken cancellationToken) =>
        await Task.Delay(TimeSpan.FromSeconds(seconds), _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
