using OllamaProxy.Domain;
using static OllamaProxy.Application.Analytics.RecordField;

namespace OllamaProxy.Application.Analytics;

/// <summary>
/// The table of the stored fields. The columns of SQLite and PostgreSQL, JSON lines, the API's JSON, its schema and CSV follow from it. The order is that of
/// JSON lines: first the values that an index of a file needs, the texts last.
/// </summary>
public static class RecordFields
{
    private static readonly List<RecordField> s_all = [];

    public static RecordField Id { get; } = Add(BigNumber("id", static record => record.Id == 0 ? null : record.Id, isRequired: false));
    public static RecordField Timestamp { get; } = Add(Time("timestamp", static record => record.Timestamp));
    public static RecordField RequestId { get; } = Add(Text("request_id", static record => record.RequestId, isRequired: true));
    public static RecordField Model { get; } = Add(Text("model", static record => record.Model));
    public static RecordField Endpoint { get; } =
        Add(Word("endpoint", [.. ApiEndpoint.All.Select(endpoint => endpoint.Label)], static record => record.Endpoint.Label, isRequired: true));
    public static RecordField Method { get; } = Add(Text("method", static record => record.Method, isRequired: true));
    public static RecordField Category { get; } =
        Add(Word("category", PromptCategories.Set.Names, static record => record.Category.Label(), isRequired: true));
    public static RecordField Status { get; } = Add(Word("status", ExchangeOutcomes.Statuses, static record => record.Status, isRequired: true));
    public static RecordField Outcome { get; } =
        Add(Word("outcome", ExchangeOutcomes.Set.Names, static record => record.Outcome.Name(), isRequired: true));
    public static RecordField StatusCode { get; } = Add(Number("status_code", static record => record.StatusCode));
    public static RecordField IsInference { get; } = Add(Flag("is_inference", static record => record.IsInference));
    public static RecordField Stream { get; } = Add(Flag("stream", static record => record.Stream, isRequired: false));
    public static RecordField Latency { get; } = Add(Duration("latency", static record => record.Latency, isRequired: true));
    public static RecordField TimeToFirstToken { get; } = Add(Duration("time_to_first_token", static record => record.TimeToFirstToken));
    public static RecordField TimeToHeaders { get; } = Add(Duration("time_to_headers", static record => record.TimeToHeaders));
    public static RecordField MeanGap { get; } = Add(Duration("mean_gap", static record => record.MeanGap));
    public static RecordField LongestGap { get; } = Add(Duration("longest_gap", static record => record.LongestGap));
    public static RecordField InputTokens { get; } = Add(Number("input_tokens", static record => record.InputTokens));
    public static RecordField CachedInputTokens { get; } = Add(Number("cached_input_tokens", static record => record.CachedInputTokens));
    public static RecordField OutputTokens { get; } = Add(Number("output_tokens", static record => record.OutputTokens));
    public static RecordField TokensEstimated { get; } = Add(Flag("tokens_estimated", static record => record.TokensEstimated));
    public static RecordField TokensPerSecond { get; } = Add(Real("tokens_per_second", static record => record.TokensPerSecond));
    public static RecordField SpeedEstimated { get; } =
        Add(Flag("tokens_per_second_estimated", static record => record.SpeedEstimated, column: "speed_estimated"));
    public static RecordField PromptTokensPerSecond { get; } = Add(Real("prompt_tokens_per_second", static record => record.PromptTokensPerSecond));
    public static RecordField TotalDuration { get; } = Add(Duration("total_duration", static record => record.TotalDuration));
    public static RecordField LoadDuration { get; } = Add(Duration("load_duration", static record => record.LoadDuration));
    public static RecordField LoadCause { get; } = Add(Word("load_cause", LoadCauses.Set.Names, static record => record.LoadCause?.Name()));
    public static RecordField PromptEvalDuration { get; } = Add(Duration("prompt_eval_duration", static record => record.PromptEvalDuration));
    public static RecordField EvalDuration { get; } = Add(Duration("eval_duration", static record => record.EvalDuration));
    public static RecordField QueueTime { get; } = Add(Duration("queue_time", static record => record.QueueTime));
    public static RecordField ConnectTime { get; } = Add(Duration("connect_time", static record => record.ConnectTime));
    public static RecordField EngineWait { get; } = Add(Duration("engine_wait", static record => record.EngineWait));
    public static RecordField DecodeTime { get; } = Add(Duration("decode_time", static record => record.DecodeTime));
    public static RecordField BackPressure { get; } = Add(Duration("client_backpressure", static record => record.BackPressure, column: "back_pressure"));
    public static RecordField FinishReason { get; } = Add(Text("finish_reason", static record => record.FinishReason));
    public static RecordField ErrorType { get; } = Add(Word("error_type", ErrorTypes.Set.Names, static record => record.ErrorType?.Name()));
    public static RecordField Error { get; } = Add(Text("error", static record => record.Error));
    public static RecordField Truncation { get; } = Add(Word("truncation", Truncations.Set.Names, static record => record.Truncation?.Name()));
    public static RecordField ClientIp { get; } = Add(Text("client_ip", static record => record.ClientIp));
    public static RecordField Application { get; } = Add(Text("application", static record => record.Application));
    public static RecordField Proxy { get; } = Add(Text("proxy", static record => record.Proxy));
    public static RecordField Backend { get; } = Add(Text("backend", static record => record.Backend));
    public static RecordField UserAgent { get; } = Add(Text("user_agent", static record => record.UserAgent));
    public static RecordField Target { get; } = Add(Text("target", static record => record.Target));
    public static RecordField RequestBytes { get; } = Add(BigNumber("request_bytes", static record => record.RequestBytes));
    public static RecordField ResponseBytes { get; } = Add(BigNumber("response_bytes", static record => record.ResponseBytes));
    public static RecordField MessageCount { get; } = Add(Number("message_count", static record => record.MessageCount));
    public static RecordField ImageCount { get; } = Add(Number("image_count", static record => record.ImageCount));
    public static RecordField ToolCount { get; } = Add(Number("tool_count", static record => record.ToolCount));
    public static RecordField ToolCallCount { get; } = Add(Number("tool_call_count", static record => record.ToolCallCount));
    public static RecordField ContextLength { get; } = Add(Number("num_ctx", static record => record.ContextLength, column: "context_length"));
    public static RecordField MaxTokens { get; } = Add(Number("max_tokens", static record => record.MaxTokens));
    public static RecordField Temperature { get; } = Add(Real("temperature", static record => record.Temperature));
    public static RecordField KeepAlive { get; } = Add(Text("keep_alive", static record => record.KeepAlive));
    public static RecordField Prompt { get; } = Add(Text("prompt", static record => record.Prompt));
    public static RecordField System { get; } = Add(Text("system", static record => record.System));
    public static RecordField Response { get; } = Add(Text("response", static record => record.Response));
    public static RecordField Thinking { get; } = Add(Text("thinking", static record => record.Thinking));
    public static RecordField ToolCalls { get; } = Add(Text("tool_calls", static record => record.ToolCalls));

    /// <summary>The texts that retention may remove before the record (<see cref="RequestRecord.HasText"/>).</summary>
    public static IReadOnlyList<RecordField> Texts { get; } = [Prompt, System, Response, Thinking, ToolCalls];

    public static IReadOnlyList<RecordField> All => s_all;

    /// <summary>Without <see cref="Id"/>, which the store assigns.</summary>
    public static IReadOnlyList<RecordField> Stored { get; } = [.. s_all.Skip(1)];

    /// <summary>The field that an order sorts by.</summary>
    public static RecordField Of(RequestOrder order) => order switch
    {
        RequestOrder.Time => Timestamp,
        RequestOrder.Latency => Latency,
        RequestOrder.TimeToFirstToken => TimeToFirstToken,
        RequestOrder.InputTokens => InputTokens,
        RequestOrder.OutputTokens => OutputTokens,
        RequestOrder.TokensPerSecond => TokensPerSecond,
        _ => throw new ArgumentOutOfRangeException(nameof(order), order, "An order without a field."),
    };

    /// <summary>
    /// Reads a record. A name that only another version of the program knows becomes <c>other</c>, a failed outcome, or unknown: proxies of two versions may
    /// share one database.
    /// </summary>
    public static RequestRecord Read(IFieldReader from) => new()
    {
        Id = from.Number(Id) ?? 0,
        Timestamp = from.Time(Timestamp),
        RequestId = from.Text(RequestId) ?? "",
        Model = from.Text(Model),
        Endpoint = ApiEndpoint.FromLabel(from.Text(Endpoint)) ?? ApiEndpoint.Other,
        Method = from.Text(Method) ?? "",
        Category = PromptCategories.Set.Find(from.Text(Category)) ?? PromptCategory.Other,
        Outcome = ExchangeOutcomes.Set.Find(from.Text(Outcome)) ?? ExchangeOutcome.UpstreamError,
        StatusCode = Int(from, StatusCode),
        IsInference = from.Flag(IsInference) ?? false,
        Stream = from.Flag(Stream),
        Latency = from.Duration(Latency) ?? TimeSpan.Zero,
        TimeToFirstToken = from.Duration(TimeToFirstToken),
        TimeToHeaders = from.Duration(TimeToHeaders),
        MeanGap = from.Duration(MeanGap),
        LongestGap = from.Duration(LongestGap),
        InputTokens = Int(from, InputTokens),
        CachedInputTokens = Int(from, CachedInputTokens),
        OutputTokens = Int(from, OutputTokens),
        TokensEstimated = from.Flag(TokensEstimated) ?? false,
        TokensPerSecond = from.Real(TokensPerSecond),
        SpeedEstimated = from.Flag(SpeedEstimated) ?? false,
        PromptTokensPerSecond = from.Real(PromptTokensPerSecond),
        TotalDuration = from.Duration(TotalDuration),
        LoadDuration = from.Duration(LoadDuration),
        LoadCause = LoadCauses.Set.Find(from.Text(LoadCause)),
        PromptEvalDuration = from.Duration(PromptEvalDuration),
        EvalDuration = from.Duration(EvalDuration),
        QueueTime = from.Duration(QueueTime),
        ConnectTime = from.Duration(ConnectTime),
        EngineWait = from.Duration(EngineWait),
        DecodeTime = from.Duration(DecodeTime),
        BackPressure = from.Duration(BackPressure),
        FinishReason = from.Text(FinishReason),
        ErrorType = ErrorTypes.Set.Find(from.Text(ErrorType)),
        Error = from.Text(Error),
        Truncation = Truncations.Set.Find(from.Text(Truncation)),
        ClientIp = from.Text(ClientIp),
        Application = from.Text(Application),
        Proxy = from.Text(Proxy),
        Backend = from.Text(Backend),
        UserAgent = from.Text(UserAgent),
        Target = from.Text(Target),
        RequestBytes = from.Number(RequestBytes) ?? 0,
        ResponseBytes = from.Number(ResponseBytes) ?? 0,
        MessageCount = Int(from, MessageCount),
        ImageCount = Int(from, ImageCount),
        ToolCount = Int(from, ToolCount),
        ToolCallCount = Int(from, ToolCallCount),
        ContextLength = Int(from, ContextLength),
        MaxTokens = Int(from, MaxTokens),
        Temperature = from.Real(Temperature),
        KeepAlive = from.Text(KeepAlive),
        Prompt = from.Text(Prompt),
        System = from.Text(System),
        Response = from.Text(Response),
        Thinking = from.Text(Thinking),
        ToolCalls = from.Text(ToolCalls),
    };

    /// <summary>Writes all fields but the id.</summary>
    public static void Write(RequestRecord record, IFieldWriter writer)
    {
        // Without an enumerator: this runs for each record.
        for (var index = 1; index < s_all.Count; index++)
        {
            s_all[index].Write(record, writer);
        }
    }

    private static RecordField Add(RecordField field)
    {
        field.Index = s_all.Count;
        s_all.Add(field);
        return field;
    }

    private static int? Int(IFieldReader from, RecordField field) =>
        from.Number(field) is >= int.MinValue and <= int.MaxValue and var number ? (int)number : null;
}
