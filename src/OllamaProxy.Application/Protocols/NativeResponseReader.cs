using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads an answer of Ollama's own API: one JSON object, or one a line. The counts come with the last object; an error can come as a line of its own inside
/// a stream that began with status 200.
/// </summary>
internal sealed class NativeResponseReader : IResponseReader, IJsonFieldSink
{
    private enum Field
    {
        Model,
        Text,
        Thinking,
        ToolCall,
        ToolName,
        ToolArguments,
        Done,
        FinishReason,
        Status,
        Error,
        ErrorMessage,
        PromptTokens,
        CachedPromptTokens,
        CompletionTokens,
        TotalDuration,
        LoadDuration,
        PromptEvalDuration,
        EvalDuration,
        Debug,
    }

    private static readonly JsonFields s_fields = new(
        ("model", (int)Field.Model, JsonWant.Value),
        ("response", (int)Field.Text, JsonWant.Value),
        ("message.content", (int)Field.Text, JsonWant.Value),
        ("thinking", (int)Field.Thinking, JsonWant.Value),
        ("message.thinking", (int)Field.Thinking, JsonWant.Value),
        ("tool_calls[]", (int)Field.ToolCall, JsonWant.Value),
        ("tool_calls[].function.name", (int)Field.ToolName, JsonWant.Value),
        ("tool_calls[].function.arguments", (int)Field.ToolArguments, JsonWant.Raw),
        ("message.tool_calls[]", (int)Field.ToolCall, JsonWant.Value),
        ("message.tool_calls[].function.name", (int)Field.ToolName, JsonWant.Value),
        ("message.tool_calls[].function.arguments", (int)Field.ToolArguments, JsonWant.Raw),
        ("done", (int)Field.Done, JsonWant.Value),
        ("done_reason", (int)Field.FinishReason, JsonWant.Value),
        ("status", (int)Field.Status, JsonWant.Value),
        ("error", (int)Field.Error, JsonWant.Value),
        ("error.message", (int)Field.ErrorMessage, JsonWant.Value),
        ("prompt_eval_count", (int)Field.PromptTokens, JsonWant.Value),
        ("prompt_eval_cached_count", (int)Field.CachedPromptTokens, JsonWant.Value),
        ("eval_count", (int)Field.CompletionTokens, JsonWant.Value),
        ("total_duration", (int)Field.TotalDuration, JsonWant.Value),
        ("load_duration", (int)Field.LoadDuration, JsonWant.Value),
        ("prompt_eval_duration", (int)Field.PromptEvalDuration, JsonWant.Value),
        ("eval_duration", (int)Field.EvalDuration, JsonWant.Value),
        ("_debug_info", (int)Field.Debug, JsonWant.Presence));

    private readonly ApiEndpoint _endpoint;
    private readonly ResponseHead _head;
    private readonly JsonFieldScanner _scanner;
    private readonly ByteBuffer _text = new(JsonFieldScanner.MaxText);
    private readonly ByteBuffer _thinking = new(JsonFieldScanner.MaxText);
    private readonly ByteBuffer _toolCalls = new(JsonFieldScanner.MaxText);
    private readonly ByteBuffer _toolArguments = new(JsonFieldScanner.MaxText);
    private readonly bool _isStream;
    private GapMeter _gaps;
    private TokenUsage _usage = TokenUsage.Unknown;
    private string? _model;
    private string? _toolName;
    private string? _finishReason;
    private string? _error;
    private int _toolCallCount;
    private bool? _done;
    private bool _succeeded;
    private bool _isDebug;
    private bool _carriesContent;
    private long _timestamp;

    public NativeResponseReader(ApiEndpoint endpoint, in ResponseHead head)
    {
        _endpoint = endpoint;
        _head = head;
        _isStream = head.StatusCode < 400 && head.ContentType is { } type && type.StartsWith("application/x-ndjson", StringComparison.OrdinalIgnoreCase);
        _scanner = new JsonFieldScanner(s_fields, this);
    }

    private bool IsGeneration => _endpoint == ApiEndpoint.Generate || _endpoint == ApiEndpoint.Chat;

    /// <summary>Load and unload answers say so; an embedding of nothing loads, and carries no duration; a rendered prompt is a debugging aid.</summary>
    private bool IsInference =>
        _endpoint.IsInference
        && _finishReason is not ("load" or "unload")
        && !_isDebug
        && !(_endpoint == ApiEndpoint.Embed && _head.StatusCode < 400 && _usage.TotalDuration is null);

    /// <summary>The last word: of a generation <c>"done":true</c>, of a stream of progress <c>"success"</c>, of everything else that its JSON is whole.</summary>
    private bool IsTerminated(bool ended) =>
        IsGeneration && !_isDebug && _head.StatusCode < 400 ? _done == true :
        _isStream ? _succeeded :
        ended && _scanner.Documents > 0;

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        _timestamp = timestamp;
        _scanner.Read(bytes);
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        _scanner.Finish();
        var isGenerating = _isStream && IsGeneration;
        if (isGenerating && _usage.CompletionTokens is null && _gaps.Pieces > 0)
        {
            // The counts come with the last line, which never came: every piece was a token at least.
            _usage = _usage with { CompletionTokens = _gaps.Pieces, Estimated = true };
        }

        return new ResponseFacts
        {
            Model = _model,
            Text = _text.Length > 0 ? _text.ToString() : null,
            Thinking = _thinking.Length > 0 ? _thinking.ToString() : null,
            ToolCalls = _toolCalls.Count > 0 ? _toolCalls + "]" : null,
            ToolCallCount = _toolCallCount > 0 ? _toolCallCount : null,
            FinishReason = _finishReason,
            Usage = _usage,
            Error = _error,
            Terminated = IsTerminated(ended),
            Streamed = _isStream,
            ContentPieces = _gaps.Pieces,
            TimeToFirstToken = isGenerating ? _gaps.First(timeProvider, _head.StartedTimestamp) : null,
            MeanGap = isGenerating ? _gaps.Mean(timeProvider) : null,
            LongestGap = isGenerating ? _gaps.Longest(timeProvider) : null,
            IsInference = IsInference,
        };
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        switch ((Field)field)
        {
            case Field.Model when utf8.Length > 0:
                _model ??= Encoding.UTF8.GetString(utf8);
                break;
            case Field.Text:
                AppendContent(_text, utf8, length);
                break;
            case Field.Thinking:
                AppendContent(_thinking, utf8, length);
                break;
            case Field.ToolName:
                _toolName = Encoding.UTF8.GetString(utf8);
                break;
            case Field.FinishReason:
                _finishReason = Encoding.UTF8.GetString(utf8);
                break;
            case Field.Status:
                _succeeded = utf8.SequenceEqual("success"u8);
                break;
            case Field.Error or Field.ErrorMessage:
                _error = Encoding.UTF8.GetString(utf8);
                break;
        }
    }

    void IJsonFieldSink.Literal(int field, ReadOnlySpan<byte> token)
    {
        switch ((Field)field)
        {
            case Field.Done:
                _done = token.SequenceEqual("true"u8);
                break;
            case Field.PromptTokens:
                _usage = _usage with { PromptTokens = Count(token) };
                break;
            case Field.CachedPromptTokens:
                _usage = _usage with { CachedPromptTokens = JsonNumber.Int32(token) };
                break;
            case Field.CompletionTokens:
                _usage = _usage with { CompletionTokens = Count(token) };
                break;
            case Field.TotalDuration:
                _usage = _usage with { TotalDuration = JsonNumber.Nanoseconds(token) };
                break;
            case Field.LoadDuration:
                _usage = _usage with { LoadDuration = JsonNumber.Nanoseconds(token) };
                break;
            case Field.PromptEvalDuration:
                _usage = _usage with { PromptEvalDuration = JsonNumber.Nanoseconds(token) };
                break;
            case Field.EvalDuration:
                _usage = _usage with { EvalDuration = JsonNumber.Nanoseconds(token) };
                break;
        }
    }

    void IJsonFieldSink.Raw(int field, ReadOnlySpan<byte> json, bool isWhole)
    {
        _toolArguments.Clear();
        // Half a JSON value would spoil the array it is to stand in.
        _toolArguments.Append(isWhole ? json : "null"u8);
    }

    void IJsonFieldSink.Begin(int field)
    {
        if ((Field)field == Field.ToolCall)
        {
            _toolName = null;
            _toolArguments.Clear();
        }
    }

    void IJsonFieldSink.End(int field)
    {
        if ((Field)field != Field.ToolCall)
        {
            return;
        }

        _carriesContent = true;
        var name = JsonEncodedText.Encode(_toolName ?? "", JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        var arguments = _toolArguments.Count > 0 ? _toolArguments.Span : "{}"u8;
        // What does not fit whole is counted, not kept.
        _toolCallCount++;
        if (_toolCalls.Count + name.EncodedUtf8Bytes.Length + arguments.Length + 32 > JsonFieldScanner.MaxText)
        {
            return;
        }

        _toolCalls.Append(_toolCalls.Count == 0 ? "["u8 : ","u8);
        _toolCalls.Append("{\"name\":\""u8);
        _toolCalls.Append(name.EncodedUtf8Bytes);
        _toolCalls.Append("\",\"arguments\":"u8);
        _toolCalls.Append(arguments);
        _toolCalls.Append("}"u8);
    }

    void IJsonFieldSink.Present(int field) => _isDebug |= (Field)field == Field.Debug;

    void IJsonFieldSink.DocumentEnd()
    {
        if (_carriesContent)
        {
            _gaps.Piece(_timestamp);
            _carriesContent = false;
        }
    }

    private void AppendContent(ByteBuffer buffer, ReadOnlySpan<byte> utf8, long length)
    {
        buffer.Append(utf8);
        _carriesContent |= length > 0;
    }

    /// <summary>Ollama omits a count of zero, so a zero is no count.</summary>
    private static int? Count(ReadOnlySpan<byte> token) => JsonNumber.Int32(token) is > 0 and { } count ? count : null;
}
