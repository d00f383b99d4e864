using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>
/// Eight days of requests by a small team. Exchanges are generated and converted into records like real ones, so each record is consistent. The seed is fixed;
/// only the times depend on the end of the history.
/// </summary>
internal sealed class DemoHistory
{
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromMinutes(30);
    private static readonly DemoApplication[] s_applications =
        [.. DemoApplication.All.SelectMany(application => Enumerable.Repeat(application, application.Weight))];

    private readonly Random _random = new(7);
    private readonly RecordTexts _texts;
    private readonly TruncationDetector _truncations = new(_ => null);
    private readonly Dictionary<string, DateTimeOffset> _lastUse = [];

    private DemoHistory(RecordTexts texts) => _texts = texts;

    /// <summary>The history, oldest first. The last record is a success.</summary>
    /// <param name="texts">Decides how much of the texts is kept.</param>
    /// <param name="end">The start of the last request; its offset decides between day and night.</param>
    /// <param name="count">The number of inferences before the last hour, which is never empty; a tenth as many requests run no model.</param>
    public static IReadOnlyList<RequestRecord> Before(RecordTexts texts, DateTimeOffset end, int count = 4_000)
    {
        var history = new DemoHistory(texts);
        List<(DateTimeOffset Time, bool IsInference)> times = [.. history.Times(end, count), (end, true)];
        times.Sort();
        return
        [
            .. times.Select(
                (request, index) => request.IsInference ? history.Infer(request.Time, mayFail: index < times.Count - 1) : history.Poll(request.Time)),
        ];
    }

    private IEnumerable<(DateTimeOffset Time, bool IsInference)> Times(DateTimeOffset end, int count)
    {
        for (var made = 0; made < count;)
        {
            var time = end.AddDays(-8 * _random.NextDouble());
            bool IsNear(DateTimeOffset edge) => (time - edge).Duration() < TimeSpan.FromMinutes(40);
            var busy = time.Hour switch { >= 8 and < 19 => 1, >= 6 and < 23 => 0.35, _ => 0.06 }
                * (time.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? 0.4 : 1);
            // Records near the start of "the last day" and "the last week" would drop out of a page that stays open.
            if (_random.NextDouble() < busy && !IsNear(end.AddDays(-1)) && !IsNear(end.AddDays(-7)))
            {
                made++;
                yield return (time, true);
                if (made % 10 == 0)
                {
                    yield return (time.AddSeconds(-1), false);
                }
            }
        }

        for (var minute = 0; minute < 60; minute++)
        {
            for (var left = _random.Next(3); left > 0; left--)
            {
                yield return (end.AddMinutes(-minute).AddSeconds(-60 * _random.NextDouble()), true);
            }
        }
    }

    private RequestRecord Infer(DateTimeOffset time, bool mayFail)
    {
        var application = s_applications[_random.Next(s_applications.Length)];
        var (conversation, modelName, client) = application.Next(_random);
        var model = DemoModels.All.First(model => ModelName.Normalize(model.Name) == ModelName.Normalize(modelName));
        var cause = Load(model, application, time);
        var queue = Chance(cause is null ? 0.08 : 0.5) ? Seconds(-1.6 * Math.Log(1 - _random.NextDouble())) : TimeSpan.Zero;
        var exchange = new Exchange
        {
            Id = $"{time.ToUnixTimeMilliseconds():x12}7{_random.Next(1 << 12):x3}8{_random.NextInt64(1L << 60):x15}",
            StartedAt = new DateTimeOffset(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero),
            Duration = TimeSpan.Zero,
            Endpoint = application.Endpoint,
            Method = "POST",
            Target = application.Endpoint.Path,
            Outcome = ExchangeOutcome.Completed,
            StatusCode = 200,
            ClientAddress = client,
            UserAgent = application.UserAgent,
            QueueTime = queue,
            ConnectTime = Chance(0.1) ? Seconds(0.0002 + (0.0004 * _random.NextDouble())) : TimeSpan.Zero,
            Request = RequestOf(application, conversation, modelName),
        };
        exchange = exchange with
        {
            RequestBytes = 350 + exchange.Request.TextLength.GetValueOrDefault() + (exchange.Request.ImageCount.GetValueOrDefault() * 184_000),
        };
        exchange = mayFail && Chance(0.02)
            ? DemoFailure.Next(_random, exchange)
            : Answer(exchange, application, conversation, model, cause, mayFail && Chance(queue.TotalSeconds > 1 ? 0.15 : 0.012));
        return RecordExchangeHandler.ToRecord(exchange, _texts) with
        {
            LoadCause = exchange.Response.Usage.LoadDuration is null ? null : cause,
            Truncation = _truncations.Judge(exchange),
        };
    }

    /// <summary>Why the model must be loaded for this request; null when it is in memory.</summary>
    private LoadCause? Load(SimulatedModel model, DemoApplication application, DateTimeOffset time)
    {
        LoadCause? cause = !_lastUse.TryGetValue(model.Name, out var last) ? LoadCause.Cold
            : time - last > s_keepAlive ? LoadCause.Expired
            : application.ContextLength is not null && Chance(0.15) ? LoadCause.ParamsChanged
            : Chance(0.012) ? LoadCause.Evicted
            : null;
        _lastUse[model.Name] = time;
        return cause;
    }

    private RequestFacts RequestOf(DemoApplication application, DemoConversation conversation, string model)
    {
        var isLong = application.ContextLength is not null && Chance(0.12);
        var tokens = isLong ? 0 : _random.Next(60, application.ContextLength ?? 2_400);
        return new RequestFacts
        {
            Model = model,
            Prompt = isLong ? $"{conversation.Prompt}\n\n{DemoConversations.LongDocument}" : conversation.Prompt,
            System = application.System,
            Stream = application.Endpoint == ApiEndpoint.Embed ? null : application.Streams,
            TextLength = isLong ? DemoConversations.LongDocument.Length + conversation.Prompt.Length : (long)(tokens * (3.9 + (0.4 * _random.NextDouble()))),
            MessageCount = application.Endpoint == ApiEndpoint.Generate || application.Endpoint == ApiEndpoint.Embed ? null
                : (2 * _random.Next(0, 4)) + (application.System is null ? 1 : 2),
            ImageCount = conversation.Topic == DemoTopic.Image ? 1 : null,
            ToolCount = conversation.Topic is DemoTopic.Agent or DemoTopic.Home ? 12 : null,
            ContextLength = application.ContextLength,
            Temperature = application.Temperature,
            MaxTokens = application.MaxTokens,
            KeepAlive = application.KeepAlive,
        };
    }

    private Exchange Answer(Exchange exchange, DemoApplication application, DemoConversation conversation, SimulatedModel model, LoadCause? cause, bool leaves)
    {
        var (request, isNative) = (exchange.Request, exchange.Endpoint.Dialect == ApiDialect.Native);
        var isLong = request.TextLength > DemoConversations.LongDocument.Length;
        var input = isLong ? request.ContextLength!.Value - Math.Max((request.ContextLength.Value - Truncations.DefaultKeptTokens) / 2, 1)
            : (int)(request.TextLength.GetValueOrDefault() / 4.1);
        var cached = isNative && Chance(0.6) && !model.IsEmbedding ? input * _random.Next(20, 90) / 100 : 0;
        var speed = model.TokensPerSecond * (0.85 + (0.3 * _random.NextDouble()));
        var load = cause is null ? Seconds(0.02 + (0.02 * _random.NextDouble())) : Seconds(model.LoadTime.TotalSeconds * (2 + (2 * _random.NextDouble())));
        var read = Seconds((input - cached) / (speed * (model.IsEmbedding ? 4 : 22)));
        var wait = Seconds(Chance(0.08) ? 1.8 * _random.NextDouble() : 0.004 + (0.008 * _random.NextDouble()));
        var before = exchange.QueueTime.GetValueOrDefault() + exchange.ConnectTime.GetValueOrDefault() + load + wait + read;
        if (model.IsEmbedding)
        {
            return exchange with
            {
                Duration = before + Seconds(0.004),
                TimeToHeaders = before + Seconds(0.003),
                ResponseBytes = 9_400,
                Response = new ResponseFacts
                {
                    Model = model.Name,
                    Terminated = true,
                    Usage = new TokenUsage { PromptTokens = input, TotalDuration = load + wait + read, LoadDuration = load },
                },
            };
        }

        var (thinking, text, toolCall) = (model.Thinks ? conversation.Answer.Thinking : "", conversation.Answer.Text, conversation.Answer.ToolCall);
        IReadOnlyList<string> tokens = toolCall is null
            ? [.. SimulatedAnswer.TokensOf(thinking), .. SimulatedAnswer.TokensOf(text)]
            : SimulatedAnswer.TokensOf(toolCall.Name + toolCall.Arguments);
        var limit = leaves ? _random.Next(2, tokens.Count) : Math.Min(tokens.Count, request.MaxTokens ?? int.MaxValue);
        var said = string.Concat(tokens.Take(limit));
        var perToken = Seconds(1 / speed);
        var decode = perToken * limit;
        var hasCount = !leaves && (exchange.Endpoint != ApiEndpoint.OpenAiChat || Chance(0.5));
        return exchange with
        {
            Duration = before + decode + Seconds(0.002),
            TimeToHeaders = before + (application.Streams ? perToken : decode),
            Outcome = leaves ? ExchangeOutcome.ClientCancelled : ExchangeOutcome.Completed,
            ResponseBytes = application.Streams ? limit * (isNative ? 132 : 210) : 480 + said.Length,
            Response = new ResponseFacts
            {
                Model = model.Name,
                Thinking = toolCall is not null || thinking.Length == 0 ? null : said[..Math.Min(said.Length, thinking.Length)],
                Text = toolCall is not null || said.Length <= thinking.Length ? null : said[thinking.Length..],
                ToolCalls = toolCall is null || leaves ? null : $$"""[{"name":"{{toolCall.Name}}","arguments":{{toolCall.Arguments}}}]""",
                ToolCallCount = toolCall is null || leaves ? null : 1,
                FinishReason = leaves ? null : Reason(exchange.Endpoint, toolCall is not null, limit < tokens.Count),
                Terminated = !leaves,
                Streamed = application.Streams,
                ContentPieces = application.Streams ? limit : 0,
                TimeToFirstToken = application.Streams ? before + perToken : null,
                MeanGap = application.Streams && limit > 1 ? perToken : null,
                LongestGap = application.Streams && limit > 1 ? perToken * (1.5 + (3 * _random.NextDouble())) : null,
                Usage = !hasCount ? new TokenUsage { CompletionTokens = limit, Estimated = true }
                    : !isNative ? new TokenUsage { PromptTokens = input, CompletionTokens = limit }
                    : new TokenUsage
                    {
                        PromptTokens = input, CachedPromptTokens = cached, CompletionTokens = limit,
                        TotalDuration = load + wait + read + decode, LoadDuration = load, PromptEvalDuration = read, EvalDuration = decode,
                    },
            },
        };
    }

    private static string Reason(ApiEndpoint endpoint, bool callsTool, bool isCut) => (endpoint.Dialect, callsTool, isCut) switch
    {
        (ApiDialect.Anthropic, true, _) => "tool_use",
        (ApiDialect.Anthropic, _, true) => "max_tokens",
        (ApiDialect.Anthropic, _, _) => "end_turn",
        _ when endpoint == ApiEndpoint.OpenAiResponses => "completed",
        (ApiDialect.OpenAi, true, _) => "tool_calls",
        (_, _, true) => "length",
        _ => "stop",
    };

    /// <summary>A request that runs no model, as Open WebUI's page sends it.</summary>
    private RequestRecord Poll(DateTimeOffset time)
    {
        var endpoint = ApiEndpoint.FromPath(Chance(0.6) ? "/api/tags" : "/api/ps");
        return RecordExchangeHandler.ToRecord(
            new Exchange
            {
                Id = $"{time.ToUnixTimeMilliseconds():x12}7{_random.Next(1 << 12):x3}8{_random.NextInt64(1L << 60):x15}",
                StartedAt = new DateTimeOffset(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero),
                Duration = Seconds(0.002 + (0.004 * _random.NextDouble())),
                Endpoint = endpoint,
                Method = "GET",
                Target = endpoint.Path,
                Outcome = ExchangeOutcome.Completed,
                StatusCode = 200,
                ClientAddress = "192.168.1.20",
                UserAgent = "open-webui/0.6.5",
                TimeToHeaders = Seconds(0.001),
                ConnectTime = TimeSpan.Zero,
                ResponseBytes = 2_100,
            },
            _texts);
    }

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromMicroseconds(Math.Round(seconds * 1e6));
}
