using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads a response of Ollama's own API: one JSON object, or one per line. The last object has the counts. An error can be a line inside a stream that started
/// with status 200.
/// </summary>
internal sealed class NativeResponseReader : IResponseReader, IJsonFieldSink
{
    private const int Done = AnswerField.Own;
    private const int Status = AnswerField.Own + 1;
    private const int Debug = AnswerField.Own + 2;

    private static readonly JsonFields s_fields = new(
        ("model", AnswerField.Model, JsonWant.Value),
        ("response", AnswerField.Text, JsonWant.Value),
        ("message.content", AnswerField.Text, JsonWant.Value),
        ("thinking", AnswerField.Thinking, JsonWant.Value),
        ("message.thinking", AnswerField.Thinking, JsonWant.Value),
        ("tool_calls[]", AnswerField.ToolCall, JsonWant.Value),
        ("tool_calls[].function.name", AnswerField.ToolName, JsonWant.Value),
        ("tool_calls[].function.arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("message.tool_calls[]", AnswerField.ToolCall, JsonWant.Value),
        ("message.tool_calls[].function.name", AnswerField.ToolName, JsonWant.Value),
        ("message.tool_calls[].function.arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("done", Done, JsonWant.Value),
        ("done_reason", AnswerField.FinishReason, JsonWant.Value),
        ("status", Status, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value),
        ("prompt_eval_count", AnswerField.PromptTokens, JsonWant.Value),
        ("prompt_eval_cached_count", AnswerField.CachedPromptTokens, JsonWant.Value),
        ("eval_count", AnswerField.CompletionTokens, JsonWant.Value),
        ("total_duration", AnswerField.TotalDuration, JsonWant.Value),
        ("load_duration", AnswerField.LoadDuration, JsonWant.Value),
        ("prompt_eval_duration", AnswerField.PromptEvalDuration, JsonWant.Value),
        ("eval_duration", AnswerField.EvalDuration, JsonWant.Value),
        ("_debug_info", Debug, JsonWant.Presence));

    private readonly ApiEndpoint _endpoint;
    private readonly ResponseHead _head;
    private readonly AnswerScanner _scanner;
    private readonly AnswerFacts _answer = new();
    private bool? _done;
    private bool? _succeeded;
    private bool _isDebug;
    private long _timestamp;

    public NativeResponseReader(ApiEndpoint endpoint, in ResponseHead head)
    {
        _endpoint = endpoint;
        _head = head;
        _scanner = new AnswerScanner(s_fields, this);
    }

    private bool IsGeneration => _endpoint == ApiEndpoint.Generate || _endpoint == ApiEndpoint.Chat;

    /// <summary>False for loads and unloads, for an embedding of nothing (which has no duration), and for a rendered prompt, a debugging aid.</summary>
    private bool IsInference =>
        _endpoint.IsInference
        && !_answer.IsLoad
        && !_isDebug
        && !(_endpoint == ApiEndpoint.Embed && _head.StatusCode < 400 && _answer.TotalDuration is null);

    /// <summary>True for a stream, even when only its first line arrived.</summary>
    private bool IsStream => _scanner.IsStream || _done == false || (_head.StatusCode < 400 && _head.HasMediaType("application/x-ndjson"));

    /// <summary>
    /// The terminator: <c>"done":true</c> for generations, <c>"success"</c> for progress streams, otherwise complete JSON. The response to a deletion has an
    /// empty body.
    /// </summary>
    private bool IsTerminated(bool ended) =>
        IsGeneration && !_isDebug && _head.StatusCode < 400 ? _done == true :
        _scanner.IsEmpty ? ended && !IsStream && !_endpoint.IsInference :
        _succeeded ?? _scanner.HasObject;

    public int Pieces => _answer.Pieces;

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        _timestamp = timestamp;
        _scanner.Read(bytes);
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        _scanner.Finish();
        return _answer.Complete(timeProvider, _head, _scanner, IsTerminated(ended), IsStream, IsGeneration, IsInference);
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        if (field == Status)
        {
            _succeeded = _succeeded == true || utf8.SequenceEqual("success"u8);
            return;
        }

        _answer.Text(field, utf8, length);
    }

    void IJsonFieldSink.Literal(int field, ReadOnlySpan<byte> token)
    {
        if (field == Done)
        {
            _done = _done == true || token.SequenceEqual("true"u8);
            return;
        }

        _answer.Literal(field, token);
    }

    void IJsonFieldSink.Raw(int field, ReadOnlySpan<byte> json, bool isWhole) => _answer.Raw(field, json, isWhole);

    void IJsonFieldSink.Begin(int field)
    {
        _answer.Begin(field);
        if (field == AnswerField.ToolCall)
        {
            _answer.BeginTool();
        }
    }

    void IJsonFieldSink.End(int field)
    {
        if (field == AnswerField.ToolCall)
        {
            _answer.EndTool();
            _answer.MarkContent();
        }
    }

    void IJsonFieldSink.Present(int field) => _isDebug |= field == Debug;

    void IJsonFieldSink.DocumentEnd() => _answer.EndPiece(_timestamp);
}
