using System.Text.Json;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>
/// Made-up users at the proxy: several tools, each in its own way and at its own pace, without end. What fails is part of the show and never stops it.
/// </summary>
internal sealed class DemoTraffic(Uri proxy, FaultPlan faults, TimeProvider time)
{
    private static readonly string[] s_models = ["llama3.2:3b", "qwen3:8b", "gemma3:12b", "deepseek-r1:14b"];

    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(
        UseAsync("ollama-python/0.6.1 (x86_64 linux) Python/3.12.3", 1, (user, turn, token) => user.AskAsync("/api/chat", Chat(user.Model(turn), user.Prompt(turn), stream: true, limit: 90), token), cancellationToken),
        UseAsync("open-webui/0.6.5", 2, (user, turn, token) => turn % 3 == 0
            ? user.GetAsync(turn % 2 == 0 ? "/api/tags" : "/api/ps", token)
            : user.AskAsync("/api/chat", Chat("gemma3:12b", user.Prompt(turn), stream: true, limit: 120), token), cancellationToken),
        UseAsync("OpenAI/Python 1.109.1", 3, (user, turn, token) => user.AskAsync("/v1/chat/completions", Chat(user.Model(turn), user.Prompt(turn), stream: turn % 2 == 0, limit: 80), token), cancellationToken),
        UseAsync("langchain-ollama/0.3.6", 4, (user, turn, token) => turn % 2 == 0
            ? user.AskAsync("/api/embed", Make("nomic-embed-text", writer => writer.WriteString("input", user.Prompt(turn))), token)
            : user.AskAsync("/api/generate", Generate("phi4", user.Prompt(turn), stream: false), token), cancellationToken),
        UseAsync("ollama/0.32.15 (amd64 linux) Go/go1.26.11", 5, (user, turn, token) => user.AskAsync("/api/generate", Generate(user.Model(turn), user.Prompt(turn), stream: true), token), cancellationToken),
        UseAsync("anthropic-sdk-typescript/0.65.0", 6, (user, turn, token) => user.AskAsync("/v1/messages", Chat("qwen3:8b", user.Prompt(turn), stream: true, limit: 70), token), cancellationToken),
        UseAsync("curl/8.14.1", 7, MishapAsync, cancellationToken));

    /// <summary>What goes wrong now and then: a user who leaves, a name that is wrong, a runner that dies, a queue that is full, a connection that ends.</summary>
    private Task MishapAsync(User user, int turn, CancellationToken cancellationToken)
    {
        switch (turn % 5)
        {
            case 0:
                return user.AskAsync("/api/chat", Chat("deepseek-r1:14b", user.Prompt(turn), stream: true, limit: 150), cancellationToken, readAtMost: 400);
            case 1:
                return user.AskAsync("/api/generate", Generate("llama3.3:700b", user.Prompt(turn), stream: true), cancellationToken);
            default:
                faults.Next((turn % 5) switch { 2 => Fault.Error, 3 => Fault.Busy, _ => Fault.Cut });
                return user.AskAsync("/api/generate", Generate(user.Model(turn), user.Prompt(turn), stream: true), cancellationToken);
        }
    }

    private async Task UseAsync(string userAgent, int seed, Func<User, int, CancellationToken, Task> ask, CancellationToken cancellationToken)
    {
        using var user = new User(proxy, userAgent, seed);
        for (var turn = 0; !cancellationToken.IsCancellationRequested; turn++)
        {
            try
            {
                await ask(user, turn, cancellationToken);
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
            {
                // A failed request is what the demonstration shows; the next one follows.
            }

            await Task.Delay(user.Pause(), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static byte[] Chat(string model, string prompt, bool stream, int limit) => Make(model, writer =>
    {
        writer.WriteStartArray("messages");
        writer.WriteStartObject();
        writer.WriteString("role", "user");
        writer.WriteString("content", prompt);
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteBoolean("stream", stream);
        writer.WriteNumber("max_tokens", limit);
    });

    private static byte[] Generate(string model, string prompt, bool stream) => Make(model, writer =>
    {
        writer.WriteString("prompt", prompt);
        writer.WriteBoolean("stream", stream);
        writer.WriteStartObject("options");
        writer.WriteNumber("num_predict", 100);
        writer.WriteEndObject();
    });

    private static byte[] Make(string model, Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("model", model);
            write(writer);
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <summary>One tool with its own connections and habits.</summary>
    private sealed class User : IDisposable
    {
        private readonly HttpClient _client;
        private readonly Random _random;

        public User(Uri proxy, string userAgent, int seed)
        {
            _client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = proxy, Timeout = Timeout.InfiniteTimeSpan };
            _client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", userAgent);
            _random = new Random(seed);
        }

        public string Model(int turn) => s_models[(turn + _random.Next(2)) % s_models.Length];

        public string Prompt(int turn) => DemoPrompts.All[(turn + _random.Next(DemoPrompts.All.Count)) % DemoPrompts.All.Count];

        /// <summary>Between 0.3 and 3 s, mostly short.</summary>
        public TimeSpan Pause() => TimeSpan.FromSeconds(0.3 + (2.7 * Math.Pow(_random.NextDouble(), 2)));

        public async Task GetAsync(string path, CancellationToken cancellationToken)
        {
            using var response = await _client.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
            await response.Content.CopyToAsync(Stream.Null, cancellationToken);
        }

        /// <param name="path">Where to.</param>
        /// <param name="body">The JSON.</param>
        /// <param name="cancellationToken">Ends it.</param>
        /// <param name="readAtMost">Bytes after which the user leaves.</param>
        public async Task AskAsync(string path, byte[] body, CancellationToken cancellationToken, int readAtMost = int.MaxValue)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = new ByteArrayContent(body) };
            request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            var buffer = new byte[4096];
            for (int total = 0, read; total < readAtMost && (read = await stream.ReadAsync(buffer, cancellationToken)) > 0; total += read)
            {
            }
        }

        public void Dispose() => _client.Dispose();
    }
}
