using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads a response of <c>/v1/chat/completions</c>, <c>/v1/completions</c> or <c>/v1/embeddings</c>: one JSON object, or events that end with <c>[DONE]</c>.
/// Streams have usage only on request; errors of the cloud have Ollama's own shape.
/// </summary>
internal sealed class OpenAiResponseReader : IResponseReader, IJsonFieldSink
{
    private const int Choice = AnswerField.Own;
    private const int PieceModel = AnswerField.Own + 1;
    private const int Debug = AnswerField.Own + 2;

    private static readonly JsonFields s_fields = new(
        ("model", PieceModel, JsonWant.Value),
        ("choices[]", Choice, JsonWant.Value),
        ("choices[].index", AnswerField.Part, JsonWant.Value),
        ("choices[].delta.content", AnswerField.Text, JsonWant.Value),
        ("choices[].delta.content[].text", AnswerField.Text, JsonWant.Value),
        ("choices[].delta.refusal", AnswerField.Text, JsonWant.Value),
        ("choices[].delta.reasoning", AnswerField.Thinking, JsonWant.Value),
        ("choices[].delta.reasoning_content", AnswerField.Thinking, JsonWant.Value),
        ("choices[].delta.thinking", AnswerField.Thinking, JsonWant.Value),
        ("choices[].delta.tool_calls[]", AnswerField.ToolCall, JsonWant.Value),
        ("choices[].delta.tool_calls[].index", AnswerField.ToolIndex, JsonWant.Value),
        ("choices[].delta.tool_calls[].id", AnswerField.ToolId, JsonWant.Value),
        ("choices[].delta.tool_calls[].function.name", AnswerField.ToolName, JsonWant.Value),
        ("choices[].delta.tool_calls[].function.arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("choices[].delta.function_call", AnswerField.ToolCall, JsonWant.Value),
        ("choices[].delta.function_call.name", AnswerField.ToolName, JsonWant.Value),
        ("choices[].delta.function_call.arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("choices[].message.content", AnswerField.Text, JsonWant.Value),
        ("choices[].message.content[].text", AnswerField.Text, JsonWant.Value),
        ("choices[].message.refusal", AnswerField.Text, JsonWant.Value),
        ("choices[].message.reasoning", AnswerField.Thinking, JsonWant.Value),
        ("choices[].message.reasoning_content", AnswerField.Thinking, JsonWant.Value),
        ("choices[].message.thinking", AnswerField.Thinking, JsonWant.Value),
        ("choices[].message.tool_calls[]", AnswerField.ToolCall, JsonWant.Value),
        ("choices[].message.tool_calls[].index", AnswerField.ToolIndex, JsonWant.Value),
        ("choices[].message.tool_calls[].id", AnswerField.ToolId, JsonWant.Value),
        ("choices[].message.tool_calls[].function.name", AnswerField.ToolName, JsonWant.Value),
        ("choices[].message.tool_calls[].function.arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("choices[].message.function_call", AnswerField.ToolCall, JsonWant.Value),
        ("choices[].message.function_call.name", AnswerField.ToolName, JsonWant.Value),
        ("choices[].message.function_call.arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("choices[].text", AnswerField.Text, JsonWant.Value),
        ("choices[].finish_reason", AnswerField.FinishReason, JsonWant.Value),
        ("usage.prompt_tokens", AnswerField.PromptTokens, JsonWant.Value),
        ("usage.completion_tokens", AnswerField.CompletionTokens, JsonWant.Value),
        ("usage.prompt_tokens_details.cached_tokens", AnswerField.CachedPromptTokens, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value),
        ("_debug_info", Debug, JsonWant.Presence));

    private readonly ApiEndpoint _endpoint;
    private readonly ResponseHead _head;
    private readonly AnswerScanner _scanner;
    private readonly AnswerFacts _answer = new(separator: "\n");
    private int _finishedChoice = int.MaxValue;
    private string? _finishReason;
    private bool _hasThinking;
    private bool _isDebug;
    private bool _hasChoice;
    private bool _hasModel;
    private long _timestamp;

    public OpenAiResponseReader(ApiEndpoint endpoint, in ResponseHead head)
    {
        _endpoint = endpoint;
        _head = head;
        _scanner = new AnswerScanner(s_fields, this);
    }

    public int Pieces => _answer.Pieces;

    /// <summary>False for a rendered prompt, a debugging aid, and for an empty one, which only loads the model.</summary>
    private bool IsInference => !_isDebug && !_answer.IsLoad;

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        _timestamp = timestamp;
        _scanner.Read(bytes);
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        _scanner.Finish();
        // A stream that ends cleanly after its finish_reason lacks only the terminator.
        var isTerminated = _scanner.IsStream ? _scanner.IsDone || (ended && _answer.FinishReason is not null) : _scanner.HasObject;
        return _answer.Complete(timeProvider, _head, _scanner, isTerminated, _scanner.IsStream, isGeneration: _endpoint != ApiEndpoint.OpenAiEmbeddings,
            IsInference);
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        switch (field)
        {
            case PieceModel:
                _hasModel = utf8.Length > 0;
                _answer.Text(AnswerField.Model, utf8, length);
                break;
            case AnswerField.FinishReason when utf8.Length > 0:
                _finishReason = Encoding.UTF8.GetString(utf8);
                break;
            case AnswerField.Thinking when length > 0:
                // Some servers send the same thinking under two names.
                if (!_hasThinking)
                {
                    _hasThinking = true;
                    _answer.Text(field, utf8, length);
                }

                break;
            default:
                _answer.Text(field, utf8, length);
                break;
        }
    }

    void IJsonFieldSink.Literal(int field, ReadOnlySpan<byte> token) => _answer.Literal(field, token);

    void IJsonFieldSink.Raw(int field, ReadOnlySpan<byte> json, bool isWhole) => _answer.Raw(field, json, isWhole);

    void IJsonFieldSink.Begin(int field)
    {
        _answer.Begin(field);
        switch (field)
        {
            case AnswerField.ToolCall:
                _answer.BeginTool();
                break;
            case Choice:
                _answer.Part = null;
                _finishReason = null;
                _hasThinking = false;
                break;
        }
    }

    void IJsonFieldSink.End(int field)
    {
        switch (field)
        {
            case AnswerField.ToolCall:
                _answer.EndTool();
                _answer.MarkContent();
                break;
            case Choice:
                EndChoice();
                break;
        }
    }

    void IJsonFieldSink.Present(int field) => _isDebug |= field == Debug;

    void IJsonFieldSink.DocumentEnd()
    {
        // A completion hides thinking: its tokens arrive as chunks without text (recording 45). A crashed run's chunk names no model (83c), and the chunk with
        // the finish_reason is not a token.
        if (_endpoint == ApiEndpoint.OpenAiCompletions && _hasChoice && _hasModel && _answer.FinishReason is null)
        {
            _answer.MarkContent();
        }

        _hasChoice = _hasModel = false;
        _answer.EndPiece(_timestamp);
    }

    /// <summary>Of several choices, the first one provides the finish reason.</summary>
    private void EndChoice()
    {
        _hasChoice = true;
        var choice = _answer.Part ?? 0;
        if (_finishReason is not null && choice <= _finishedChoice)
        {
            (_answer.FinishReason, _finishedChoice) = (_finishReason, choice);
        }

        _answer.EndPart(choice);
    }
}
