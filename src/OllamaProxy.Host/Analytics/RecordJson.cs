using System.Text.Json.Serialization;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// A record as the API writes it. The first 23 keys are the original program's, in its order and units (seconds; Unix seconds for the timestamp); the others
/// follow. Unknown values are null.
/// </summary>
internal sealed record RecordJson
{
    /// <summary>Null in the live feed, which does not know the number in the store.</summary>
    [JsonPropertyOrder(0), JsonPropertyName("id")]
    public long? Id { get; init; }

    [JsonPropertyOrder(1), JsonPropertyName("model")]
    public string? Model { get; init; }

    [JsonPropertyOrder(2), JsonPropertyName("endpoint")]
    public string Endpoint { get; init; } = "";

    [JsonPropertyOrder(3), JsonPropertyName("prompt")]
    public string? Prompt { get; init; }

    [JsonPropertyOrder(4), JsonPropertyName("category")]
    public string Category { get; init; } = "";

    [JsonPropertyOrder(5), JsonPropertyName("response")]
    public string? Response { get; init; }

    [JsonPropertyOrder(6), JsonPropertyName("latency")]
    public double Latency { get; init; }

    [JsonPropertyOrder(7), JsonPropertyName("output_tokens")]
    public int? OutputTokens { get; init; }

    [JsonPropertyOrder(8), JsonPropertyName("tokens_per_second")]
    public double? TokensPerSecond { get; init; }

    [JsonPropertyOrder(9), JsonPropertyName("input_tokens")]
    public int? InputTokens { get; init; }

    [JsonPropertyOrder(10), JsonPropertyName("load_duration")]
    public double? LoadDuration { get; init; }

    [JsonPropertyOrder(11), JsonPropertyName("total_duration")]
    public double? TotalDuration { get; init; }

    [JsonPropertyOrder(12), JsonPropertyName("status_code")]
    public int? StatusCode { get; init; }

    [JsonPropertyOrder(13), JsonPropertyName("error")]
    public string? Error { get; init; }

    [JsonPropertyOrder(14), JsonPropertyName("user_agent")]
    public string? UserAgent { get; init; }

    [JsonPropertyOrder(15), JsonPropertyName("client_ip")]
    public string? ClientIp { get; init; }

    [JsonPropertyOrder(16), JsonPropertyName("user")]
    public string? User { get; init; }

    [JsonPropertyOrder(17), JsonPropertyName("cost")]
    public double? Cost { get; init; }

    [JsonPropertyOrder(18), JsonPropertyName("status")]
    public string Status { get; init; } = "";

    [JsonPropertyOrder(19), JsonPropertyName("queue_time")]
    public double? QueueTime { get; init; }

    [JsonPropertyOrder(20), JsonPropertyName("time_to_first_token")]
    public double? TimeToFirstToken { get; init; }

    [JsonPropertyOrder(21), JsonPropertyName("metadata")]
    public string? Metadata { get; init; }

    [JsonPropertyOrder(22), JsonPropertyName("timestamp")]
    public long Timestamp { get; init; }

    [JsonPropertyOrder(23), JsonPropertyName("request_id")]
    public string RequestId { get; init; } = "";

    [JsonPropertyOrder(24), JsonPropertyName("outcome")]
    public string Outcome { get; init; } = "";

    [JsonPropertyOrder(25), JsonPropertyName("thinking")]
    public string? Thinking { get; init; }

    [JsonPropertyOrder(26), JsonPropertyName("system")]
    public string? System { get; init; }

    [JsonPropertyOrder(27), JsonPropertyName("tool_calls")]
    public string? ToolCalls { get; init; }

    [JsonPropertyOrder(28), JsonPropertyName("finish_reason")]
    public string? FinishReason { get; init; }

    [JsonPropertyOrder(29), JsonPropertyName("stream")]
    public bool? Stream { get; init; }

    [JsonPropertyOrder(30), JsonPropertyName("cached_input_tokens")]
    public int? CachedInputTokens { get; init; }

    [JsonPropertyOrder(31), JsonPropertyName("tokens_estimated")]
    public bool TokensEstimated { get; init; }

    [JsonPropertyOrder(32), JsonPropertyName("prompt_eval_duration")]
    public double? PromptEvalDuration { get; init; }

    [JsonPropertyOrder(33), JsonPropertyName("eval_duration")]
    public double? EvalDuration { get; init; }

    [JsonPropertyOrder(34), JsonPropertyName("mean_gap")]
    public double? MeanGap { get; init; }

    [JsonPropertyOrder(35), JsonPropertyName("longest_gap")]
    public double? LongestGap { get; init; }

    [JsonPropertyOrder(36), JsonPropertyName("time_to_headers")]
    public double? TimeToHeaders { get; init; }

    [JsonPropertyOrder(37), JsonPropertyName("method")]
    public string Method { get; init; } = "";

    [JsonPropertyOrder(38), JsonPropertyName("request_bytes")]
    public long RequestBytes { get; init; }

    [JsonPropertyOrder(39), JsonPropertyName("response_bytes")]
    public long ResponseBytes { get; init; }

    [JsonPropertyOrder(40), JsonPropertyName("message_count")]
    public int? MessageCount { get; init; }

    [JsonPropertyOrder(41), JsonPropertyName("image_count")]
    public int? ImageCount { get; init; }

    [JsonPropertyOrder(42), JsonPropertyName("tool_count")]
    public int? ToolCount { get; init; }

    [JsonPropertyOrder(43), JsonPropertyName("num_ctx")]
    public int? ContextLength { get; init; }

    [JsonPropertyOrder(44), JsonPropertyName("temperature")]
    public double? Temperature { get; init; }

    [JsonPropertyOrder(45), JsonPropertyName("is_inference")]
    public bool IsInference { get; init; }

    [JsonPropertyOrder(46), JsonPropertyName("started_at")]
    public DateTimeOffset StartedAt { get; init; }

    [JsonPropertyOrder(47), JsonPropertyName("connect_time")]
    public double? ConnectTime { get; init; }

    [JsonPropertyOrder(48), JsonPropertyName("engine_wait")]
    public double? EngineWait { get; init; }

    [JsonPropertyOrder(49), JsonPropertyName("decode_time")]
    public double? DecodeTime { get; init; }

    [JsonPropertyOrder(50), JsonPropertyName("client_backpressure")]
    public double? BackPressure { get; init; }

    [JsonPropertyOrder(51), JsonPropertyName("prompt_tokens_per_second")]
    public double? PromptTokensPerSecond { get; init; }

    [JsonPropertyOrder(52), JsonPropertyName("error_type")]
    public string? ErrorType { get; init; }

    [JsonPropertyOrder(53), JsonPropertyName("truncation")]
    public string? Truncation { get; init; }

    [JsonPropertyOrder(54), JsonPropertyName("load_cause")]
    public string? LoadCause { get; init; }

    [JsonPropertyOrder(55), JsonPropertyName("application")]
    public string? Application { get; init; }

    [JsonPropertyOrder(56), JsonPropertyName("target")]
    public string? Target { get; init; }

    [JsonPropertyOrder(57), JsonPropertyName("max_tokens")]
    public int? MaxTokens { get; init; }

    [JsonPropertyOrder(58), JsonPropertyName("keep_alive")]
    public string? KeepAlive { get; init; }

    [JsonPropertyOrder(59), JsonPropertyName("tool_call_count")]
    public int? ToolCallCount { get; init; }

    [JsonPropertyOrder(60), JsonPropertyName("model_name")]
    public string? ModelName { get; init; }

    [JsonPropertyOrder(61), JsonPropertyName("tokens_per_second_estimated")]
    public bool SpeedEstimated { get; init; }

    [JsonPropertyOrder(62), JsonPropertyName("response_wait")]
    public double? ResponseWait { get; init; }

    [JsonPropertyOrder(63), JsonPropertyName("proxy")]
    public string? Proxy { get; init; }

    [JsonPropertyOrder(64), JsonPropertyName("backend")]
    public string? Backend { get; init; }

    /// <param name="record">The record.</param>
    /// <param name="models">The display spelling of its model; <see cref="Model"/> is the canonical name.</param>
    public static RecordJson Of(RequestRecord record, ModelNames models) => new()
    {
        Id = record.Id == 0 ? null : record.Id,
        Model = record.Model,
        Endpoint = record.Endpoint,
        Prompt = record.Prompt,
        Category = record.Category,
        Response = record.Response,
        Latency = record.Latency.TotalSeconds,
        OutputTokens = record.OutputTokens,
        TokensPerSecond = record.TokensPerSecond,
        InputTokens = record.InputTokens,
        LoadDuration = record.LoadDuration?.TotalSeconds,
        TotalDuration = record.TotalDuration?.TotalSeconds,
        StatusCode = record.StatusCode,
        Error = record.Error,
        UserAgent = record.UserAgent,
        ClientIp = record.ClientIp,
        Status = record.Status,
        QueueTime = record.QueueTime?.TotalSeconds,
        TimeToFirstToken = record.TimeToFirstToken?.TotalSeconds,
        Timestamp = record.Timestamp.ToUnixTimeSeconds(),
        RequestId = record.RequestId,
        Outcome = record.Outcome,
        Thinking = record.Thinking,
        System = record.System,
        ToolCalls = record.ToolCalls,
        FinishReason = record.FinishReason,
        Stream = record.Stream,
        CachedInputTokens = record.CachedInputTokens,
        TokensEstimated = record.TokensEstimated,
        PromptEvalDuration = record.PromptEvalDuration?.TotalSeconds,
        EvalDuration = record.EvalDuration?.TotalSeconds,
        MeanGap = record.MeanGap?.TotalSeconds,
        LongestGap = record.LongestGap?.TotalSeconds,
        TimeToHeaders = record.TimeToHeaders?.TotalSeconds,
        Method = record.Method,
        RequestBytes = record.RequestBytes,
        ResponseBytes = record.ResponseBytes,
        MessageCount = record.MessageCount,
        ImageCount = record.ImageCount,
        ToolCount = record.ToolCount,
        ContextLength = record.ContextLength,
        Temperature = record.Temperature,
        IsInference = record.IsInference,
        StartedAt = record.Timestamp,
        ConnectTime = record.ConnectTime?.TotalSeconds,
        EngineWait = record.EngineWait?.TotalSeconds,
        DecodeTime = record.DecodeTime?.TotalSeconds,
        BackPressure = record.BackPressure?.TotalSeconds,
        PromptTokensPerSecond = record.PromptTokensPerSecond,
        ErrorType = record.ErrorType,
        Truncation = record.Truncation,
        LoadCause = record.LoadCause,
        Application = record.Application,
        Target = record.Target,
        MaxTokens = record.MaxTokens,
        KeepAlive = record.KeepAlive,
        ToolCallCount = record.ToolCallCount,
        ModelName = models.DisplayOf(record.Model),
        SpeedEstimated = record.SpeedEstimated,
        ResponseWait = record.ResponseWait?.TotalSeconds,
        Proxy = record.Proxy,
        Backend = record.Backend,
    };
}
