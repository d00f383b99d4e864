using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>A row as SQLite has it: whole numbers, floating-point numbers and texts. Times and durations are microseconds.</summary>
internal sealed class SqliteRow
{
    public long Id { get; set; }

    public string RequestId { get; set; } = "";

    public long TimestampUs { get; set; }

    public string? Model { get; set; }

    public string Endpoint { get; set; } = "";

    public string Method { get; set; } = "";

    public string Category { get; set; } = "";

    public string? Prompt { get; set; }

    public string? System { get; set; }

    public string? Response { get; set; }

    public string? Thinking { get; set; }

    public string? ToolCalls { get; set; }

    public long LatencyUs { get; set; }

    public long? TimeToFirstTokenUs { get; set; }

    public long? TimeToHeadersUs { get; set; }

    public long? MeanGapUs { get; set; }

    public long? LongestGapUs { get; set; }

    public long? InputTokens { get; set; }

    public long? CachedInputTokens { get; set; }

    public long? OutputTokens { get; set; }

    public long TokensEstimated { get; set; }

    public double? TokensPerSecond { get; set; }

    public long SpeedEstimated { get; set; }

    public long? TotalDurationUs { get; set; }

    public long? LoadDurationUs { get; set; }

    public string? LoadCause { get; set; }

    public long? PromptEvalDurationUs { get; set; }

    public long? EvalDurationUs { get; set; }

    public long? QueueTimeUs { get; set; }

    public long? ConnectTimeUs { get; set; }

    public long? EngineWaitUs { get; set; }

    public long? DecodeTimeUs { get; set; }

    public long? BackPressureUs { get; set; }

    public double? PromptTokensPerSecond { get; set; }

    public string? ErrorType { get; set; }

    public string? Truncation { get; set; }

    public long? StatusCode { get; set; }

    public string Status { get; set; } = "";

    public string Outcome { get; set; } = "";

    public string? Error { get; set; }

    public string? FinishReason { get; set; }

    public long? Stream { get; set; }

    public string? ClientIp { get; set; }

    public string? UserAgent { get; set; }

    public string? Application { get; set; }

    public string? Proxy { get; set; }

    public string? Backend { get; set; }

    public string? Target { get; set; }

    public long? MaxTokens { get; set; }

    public string? KeepAlive { get; set; }

    public long? ToolCallCount { get; set; }

    public long RequestBytes { get; set; }

    public long ResponseBytes { get; set; }

    public long? MessageCount { get; set; }

    public long? ImageCount { get; set; }

    public long? ToolCount { get; set; }

    public long? ContextLength { get; set; }

    public double? Temperature { get; set; }

    public long IsInference { get; set; }

    public static SqliteRow From(RequestRecord record) => new()
    {
        RequestId = record.RequestId,
        TimestampUs = Micros(record.Timestamp),
        Model = record.Model,
        Endpoint = record.Endpoint,
        Method = record.Method,
        Category = record.Category,
        Prompt = record.Prompt,
        System = record.System,
        Response = record.Response,
        Thinking = record.Thinking,
        ToolCalls = record.ToolCalls,
        LatencyUs = Micros(record.Latency),
        TimeToFirstTokenUs = record.TimeToFirstToken is { } timeToFirstToken ? Micros(timeToFirstToken) : null,
        TimeToHeadersUs = record.TimeToHeaders is { } timeToHeaders ? Micros(timeToHeaders) : null,
        MeanGapUs = record.MeanGap is { } meanGap ? Micros(meanGap) : null,
        LongestGapUs = record.LongestGap is { } longestGap ? Micros(longestGap) : null,
        InputTokens = record.InputTokens,
        CachedInputTokens = record.CachedInputTokens,
        OutputTokens = record.OutputTokens,
        TokensEstimated = record.TokensEstimated ? 1 : 0,
        TokensPerSecond = record.TokensPerSecond,
        SpeedEstimated = record.SpeedEstimated ? 1 : 0,
        TotalDurationUs = record.TotalDuration is { } totalDuration ? Micros(totalDuration) : null,
        LoadDurationUs = record.LoadDuration is { } loadDuration ? Micros(loadDuration) : null,
        LoadCause = record.LoadCause,
        PromptEvalDurationUs = record.PromptEvalDuration is { } promptEvalDuration ? Micros(promptEvalDuration) : null,
        EvalDurationUs = record.EvalDuration is { } evalDuration ? Micros(evalDuration) : null,
        QueueTimeUs = record.QueueTime is { } queueTime ? Micros(queueTime) : null,
        ConnectTimeUs = record.ConnectTime is { } connectTime ? Micros(connectTime) : null,
        EngineWaitUs = record.EngineWait is { } engineWait ? Micros(engineWait) : null,
        DecodeTimeUs = record.DecodeTime is { } decodeTime ? Micros(decodeTime) : null,
        BackPressureUs = record.BackPressure is { } backPressure ? Micros(backPressure) : null,
        PromptTokensPerSecond = record.PromptTokensPerSecond,
        ErrorType = record.ErrorType,
        Truncation = record.Truncation,
        StatusCode = record.StatusCode,
        Status = record.Status,
        Outcome = record.Outcome,
        Error = record.Error,
        FinishReason = record.FinishReason,
        Stream = record.Stream is { } stream ? (stream ? 1 : 0) : null,
        ClientIp = record.ClientIp,
        UserAgent = record.UserAgent,
        Application = record.Application,
        Proxy = record.Proxy,
        Backend = record.Backend,
        Target = record.Target,
        MaxTokens = record.MaxTokens,
        KeepAlive = record.KeepAlive,
        ToolCallCount = record.ToolCallCount,
        RequestBytes = record.RequestBytes,
        ResponseBytes = record.ResponseBytes,
        MessageCount = record.MessageCount,
        ImageCount = record.ImageCount,
        ToolCount = record.ToolCount,
        ContextLength = record.ContextLength,
        Temperature = record.Temperature,
        IsInference = record.IsInference ? 1 : 0,
    };

    public RequestRecord ToRecord() => new()
    {
        Id = Id,
        RequestId = RequestId,
        Timestamp = Instant(TimestampUs),
        Model = Model,
        Endpoint = Endpoint,
        Method = Method,
        Category = Category,
        Prompt = Prompt,
        System = System,
        Response = Response,
        Thinking = Thinking,
        ToolCalls = ToolCalls,
        Latency = Duration(LatencyUs),
        TimeToFirstToken = TimeToFirstTokenUs is { } timeToFirstToken ? Duration(timeToFirstToken) : null,
        TimeToHeaders = TimeToHeadersUs is { } timeToHeaders ? Duration(timeToHeaders) : null,
        MeanGap = MeanGapUs is { } meanGap ? Duration(meanGap) : null,
        LongestGap = LongestGapUs is { } longestGap ? Duration(longestGap) : null,
        InputTokens = (int?)InputTokens,
        CachedInputTokens = (int?)CachedInputTokens,
        OutputTokens = (int?)OutputTokens,
        TokensEstimated = TokensEstimated != 0,
        TokensPerSecond = TokensPerSecond,
        SpeedEstimated = SpeedEstimated != 0,
        TotalDuration = TotalDurationUs is { } totalDuration ? Duration(totalDuration) : null,
        LoadDuration = LoadDurationUs is { } loadDuration ? Duration(loadDuration) : null,
        LoadCause = LoadCause,
        PromptEvalDuration = PromptEvalDurationUs is { } promptEvalDuration ? Duration(promptEvalDuration) : null,
        EvalDuration = EvalDurationUs is { } evalDuration ? Duration(evalDuration) : null,
        QueueTime = QueueTimeUs is { } queueTime ? Duration(queueTime) : null,
        ConnectTime = ConnectTimeUs is { } connectTime ? Duration(connectTime) : null,
        EngineWait = EngineWaitUs is { } engineWait ? Duration(engineWait) : null,
        DecodeTime = DecodeTimeUs is { } decodeTime ? Duration(decodeTime) : null,
        BackPressure = BackPressureUs is { } backPressure ? Duration(backPressure) : null,
        PromptTokensPerSecond = PromptTokensPerSecond,
        ErrorType = ErrorType,
        Truncation = Truncation,
        StatusCode = (int?)StatusCode,
        Status = Status,
        Outcome = Outcome,
        Error = Error,
        FinishReason = FinishReason,
        Stream = Stream is { } stream ? stream != 0 : null,
        ClientIp = ClientIp,
        UserAgent = UserAgent,
        Application = Application,
        Proxy = Proxy,
        Backend = Backend,
        Target = Target,
        MaxTokens = (int?)MaxTokens,
        KeepAlive = KeepAlive,
        ToolCallCount = (int?)ToolCallCount,
        RequestBytes = RequestBytes,
        ResponseBytes = ResponseBytes,
        MessageCount = (int?)MessageCount,
        ImageCount = (int?)ImageCount,
        ToolCount = (int?)ToolCount,
        ContextLength = (int?)ContextLength,
        Temperature = Temperature,
        IsInference = IsInference != 0,
    };

    public static long Micros(DateTimeOffset instant) => (instant.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset Instant(long micros) => DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);

    private static long Micros(TimeSpan duration) => duration.Ticks / TimeSpan.TicksPerMicrosecond;

    public static TimeSpan Duration(long micros) => TimeSpan.FromTicks(micros * TimeSpan.TicksPerMicrosecond);
}
