using OllamaProxy.Domain;

namespace OllamaProxy.StoreTests;

/// <summary>Records to store.</summary>
internal static class Records
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>A record with nothing but what it must have, some seconds after a fixed instant.</summary>
    public static RequestRecord At(int second) => new()
    {
        RequestId = $"{second:x32}",
        Timestamp = s_start.AddSeconds(second),
        Model = "phi4:latest",
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Category = PromptCategory.Empty,
        Outcome = ExchangeOutcome.Completed,
        Latency = TimeSpan.FromSeconds(1),
    };

    /// <summary>A record in which every field has a value of its own.</summary>
    public static RequestRecord Full() => new()
    {
        RequestId = "0123456789abcdef0123456789abcdef",
        Timestamp = s_start.AddDays(1).AddMicroseconds(123_457),
        Model = "llama3:8b",
        Endpoint = ApiEndpoint.Generate,
        Method = "PUT",
        Category = PromptCategory.Explain,
        Prompt = "why? ' \" \n \0 😀",
        System = "system",
        Response = "response",
        Thinking = "thinking",
        ToolCalls = "[]",
        Latency = TimeSpan.FromMicroseconds(1_000_001),
        TimeToFirstToken = TimeSpan.FromMicroseconds(2),
        TimeToHeaders = TimeSpan.FromMicroseconds(3),
        MeanGap = TimeSpan.FromMicroseconds(4),
        LongestGap = TimeSpan.FromMicroseconds(5),
        InputTokens = 6,
        CachedInputTokens = 7,
        OutputTokens = 8,
        TokensEstimated = true,
        TokensPerSecond = 9.25,
        SpeedEstimated = true,
        TotalDuration = TimeSpan.FromMicroseconds(10),
        LoadDuration = TimeSpan.FromMicroseconds(11),
        LoadCause = LoadCause.Cold,
        PromptEvalDuration = TimeSpan.FromMicroseconds(12),
        EvalDuration = TimeSpan.FromMicroseconds(13),
        QueueTime = TimeSpan.FromMicroseconds(14),
        ConnectTime = TimeSpan.FromMicroseconds(20),
        EngineWait = TimeSpan.FromMicroseconds(21),
        DecodeTime = TimeSpan.FromMicroseconds(22),
        BackPressure = TimeSpan.FromMicroseconds(23),
        PromptTokensPerSecond = 24.5,
        ErrorType = ErrorType.UpstreamError,
        Truncation = Truncation.Likely,
        StatusCode = 500,
        Outcome = ExchangeOutcome.UpstreamError,
        Error = "boom",
        FinishReason = "stop",
        Stream = false,
        ClientIp = "127.0.0.1",
        UserAgent = "agent",
        Application = "application",
        Proxy = "proxy",
        Backend = "10.0.0.5:11434",
        Target = "/api/generate?x=1",
        MaxTokens = 25,
        KeepAlive = "5m",
        ToolCallCount = 26,
        RequestBytes = 15,
        ResponseBytes = 1L << 40,
        MessageCount = 16,
        ImageCount = 17,
        ToolCount = 18,
        ContextLength = 19,
        Temperature = 0.7,
        IsInference = true,
    };
}
