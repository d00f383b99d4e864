using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads an answer of <c>/v1/chat/completions</c>, <c>/v1/completions</c> or <c>/v1/embeddings</c>: one JSON object, or a stream of events that ends with
/// <c>[DONE]</c>. Usage comes with the whole object, in a stream only for clients that asked; errors of the cloud come in Ollama's own shape.
/// </summary>
internal sealed class OpenAiResponseReader : IResponseReader, IJsonFieldSink
{
    private const int Choice = AnswerField.Own;
    private const int PieceModel = AnswerField.Own + 1;

    private static readonly JsonFields s_fields = new(
        ("model", PieceModel, JsonWant.Value),
        ("choices[]", Choice, JsonWant.Value),
        ("choices[].delta.content", AnswerField.Text, JsonWant.Value),
        ("choices[].delta.reasoning", AnswerField.Thinking, JsonWant.Value),
        ("choices[].delta.reasoning_content", AnswerField.Thinking, JsonWant.Value),
        ("choices[].delta.tool_calls[]", AnswerField.ToolCall, JsonWant.Value),
        ("choices[].delta.tool_calls[].function.name", AnswerField.ToolName, JsonWant.Value),
        ("choices[].delta.tool_calls[].function.arguments", AnswerField.ToolArguments, JsonWant.Value),
        ("choices[].message.content", AnswerField.Text, JsonWant.Value),
        ("choices[].message.reasoning", AnswerField.Thinking, JsonWant.Value),
        ("choices[].message.reasoning_content", AnswerField.Thinking, JsonWant.Value),
        ("choices[].message.tool_calls[]", AnswerField.ToolCall, JsonWant.Value),
        ("choices[].message.tool_calls[].function.name", AnswerField.ToolName, JsonWant.Value),
        ("choices[].message.tool_calls[].function.arguments", AnswerField.ToolArguments, JsonWant.Value),
        ("choices[].text", AnswerField.Text, JsonWant.Value),
        ("choices[].finish_reason", AnswerField.FinishReason, JsonWant.Value),
        ("usage.prompt_tokens", AnswerField.PromptTokens, JsonWant.Value),
        ("usage.completion_tokens", AnswerField.CompletionTokens, JsonWant.Value),
        ("usage.prompt_tokens_details.cached_tokens", AnswerField.CachedPromptTokens, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value));

    private readonly ApiEndpoint _endpoint;
    private readonly ResponseHead _head;
    private readonly AnswerScanner _scanner;
    private readonly AnswerFacts _answer = new();
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

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        _timestamp = timestamp;
        _scanner.Read(bytes);
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        _scanner.Finish();
        // A stream that ends in order after its finish_reason lacks nothing but the terminator.
        var isTerminated = _scanner.IsStream ? _scanner.IsDone || (ended && _answer.FinishReason is not null) : _scanner.HasObject;
        return _answer.Complete(timeProvider, _head, _scanner, isTerminated, _scanner.IsStream, isGeneration: _endpoint != ApiEndpoint.OpenAiEmbeddings);
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        if (field == PieceModel)
        {
            _hasModel = utf8.Length > 0;
            field = AnswerField.Model;
        }

        _answer.Text(field, utf8, length);
    }

    void IJsonFieldSink.Literal(int field, ReadOnlySpan<byte> token) => _answer.Literal(field, token);

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
        }

        _hasChoice |= field == Choice;
    }

    void IJsonFieldSink.DocumentEnd()
    {
        // A completion hides the model's thinking: its tokens arrive as pieces without text (recording 45). The piece of a run that died names no model
        // (83c), and the one with the reason for the end is no token.
        if (_endpoint == ApiEndpoint.OpenAiCompletions && _hasChoice && _hasModel && _answer.FinishReason is null)
        {
            _answer.MarkContent();
        }

        _hasChoice = _hasModel = false;
        _answer.EndPiece(_timestamp);
    }
}
