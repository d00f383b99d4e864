using OllamaProxy.Domain;

namespace OllamaProxy.Host.Demo;

/// <summary>A failure of a request in the history.</summary>
/// <param name="Weight">Its relative frequency.</param>
/// <param name="Apply">Turns a request into the failed one.</param>
internal sealed record DemoFailure(int Weight, Func<Exchange, Exchange> Apply)
{
    private static readonly DemoFailure[] s_all =
    [
        new(4, exchange => OfOllama(exchange, 404, 0.002, "model \"qwen3:14b\" not found") with { Request = exchange.Request with { Model = "qwen3:14b" } }),
        new(2, OutOfMemory),
        new(2, RunnerDied),
        new(3, MidStream),
        new(2, Cut),
        new(2, exchange => OfOllama(exchange, 400, 0.011, "the input length exceeds the context length")),
        new(1, NoTools),
        new(1, exchange => OfOllama(exchange, 503, 0.003, "server busy, please try again.  maximum pending requests exceeded")),
        new(2, exchange => OfProxy(exchange, TimeSpan.Zero, "4 requests are running (MAX_CONCURRENT_REQUESTS) and 8 are queued (MAX_QUEUED_REQUESTS)")),
        new(1, exchange => OfProxy(exchange, TimeSpan.FromSeconds(20), "no slot became free within 20 s (QUEUE_TIMEOUT_SECONDS)")),
    ];

    /// <summary>Applies one of the failures to the exchange.</summary>
    public static Exchange Next(Random random, Exchange exchange)
    {
        var left = random.Next(s_all.Sum(failure => failure.Weight));
        return s_all.First(failure => (left -= failure.Weight) < 0).Apply(exchange);
    }

    /// <summary>An error status from Ollama.</summary>
    private static Exchange OfOllama(Exchange exchange, int status, double seconds, string error)
    {
        var time = exchange.QueueTime.GetValueOrDefault() + exchange.ConnectTime.GetValueOrDefault() + TimeSpan.FromSeconds(seconds);
        return exchange with
        {
            Outcome = ExchangeOutcome.UpstreamError,
            StatusCode = status,
            Error = error,
            Duration = time,
            TimeToHeaders = time,
            ResponseBytes = error.Length + 12,
            Response = new ResponseFacts { Error = error, Terminated = true },
        };
    }

    private static Exchange OutOfMemory(Exchange exchange) =>
        OfOllama(exchange, 500, 1.4, "model requires more system memory (46.2 GiB) than is available (21.8 GiB)") with
        {
            Request = exchange.Request with { Model = "llama3.3:70b" },
        };

    private static Exchange NoTools(Exchange exchange) =>
        OfOllama(exchange, 400, 0.004, "registry.ollama.ai/library/deepseek-r1:14b does not support tools") with
        {
            Request = exchange.Request with { Model = "deepseek-r1:14b", ToolCount = 3 },
        };

    private static Exchange Cut(Exchange exchange) => MidStream(exchange) is { Response.Streamed: true } broken
        ? broken with { Outcome = ExchangeOutcome.Incomplete, Error = null, Response = broken.Response with { Error = null } }
        : RunnerDied(exchange);

    private static Exchange RunnerDied(Exchange exchange) => OfOllama(exchange, 500, 0.9, "llama runner process has terminated: exit status 2");

    /// <summary>An error after some tokens, as a crashed model leaves it.</summary>
    private static Exchange MidStream(Exchange exchange)
    {
        if (exchange.Request.Stream != true)
        {
            return RunnerDied(exchange);
        }

        const string Error = "an error was encountered while running the model: unexpected EOF";
        const int Tokens = 17;
        var gap = TimeSpan.FromMilliseconds(18);
        var first = exchange.QueueTime.GetValueOrDefault() + exchange.ConnectTime.GetValueOrDefault() + TimeSpan.FromMilliseconds(340);
        return exchange with
        {
            Outcome = ExchangeOutcome.UpstreamError, Error = Error, Duration = first + (gap * Tokens), TimeToHeaders = first, ResponseBytes = 2_400,
            Response = new ResponseFacts
            {
                Error = Error,
                Text = "The short answer is that it depends on",
                Streamed = true,
                ContentPieces = Tokens,
                TimeToFirstToken = first,
                MeanGap = gap,
                LongestGap = gap * 2,
                Usage = new TokenUsage { CompletionTokens = Tokens, Estimated = true },
            },
        };
    }

    /// <summary>A rejection by the proxy.</summary>
    private static Exchange OfProxy(Exchange exchange, TimeSpan queue, string error) => exchange with
    {
        Outcome = ExchangeOutcome.Rejected,
        StatusCode = 503,
        Error = error,
        QueueTime = queue,
        ConnectTime = null,
        Duration = queue + TimeSpan.FromMilliseconds(1),
        TimeToHeaders = queue + TimeSpan.FromMilliseconds(1),
        ResponseBytes = 140,
        Response = ResponseFacts.Unknown,
    };
}
