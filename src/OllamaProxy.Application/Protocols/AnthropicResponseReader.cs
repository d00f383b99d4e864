using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads an answer of <c>/v1/messages</c>: one JSON object, or a stream of events that ends with <c>message_stop</c>. The true counts are in the last
/// <c>message_delta</c>; the one in <c>message_start</c> is a guess of Ollama's (a quarter of the text's length) and is not taken.
/// </summary>
internal sealed class AnthropicResponseReader : IResponseReader, IJsonFieldSink
{
    private const int Type = AnswerField.Own;
    private const int Block = AnswerField.Own + 1;
    private const int BlockType = AnswerField.Own + 2;
    private const int StartedBlock = AnswerField.Own + 3;
    private const int PartialJson = AnswerField.Own + 4;
    private const int CacheRead = AnswerField.Own + 5;
    private const int CacheWritten = AnswerField.Own + 6;

    private static readonly JsonFields s_fields = new(
        ("type", Type, JsonWant.Value),
        ("model", AnswerField.Model, JsonWant.Value),
        ("message.model", AnswerField.Model, JsonWant.Value),
        ("content[]", Block, JsonWant.Value),
        ("content[].type", BlockType, JsonWant.Value),
        ("content[].text", AnswerField.Text, JsonWant.Value),
        ("content[].thinking", AnswerField.Thinking, JsonWant.Value),
        ("content[].name", AnswerField.ToolName, JsonWant.Value),
        ("content[].input", AnswerField.ToolArguments, JsonWant.Raw),
        ("content_block", StartedBlock, JsonWant.Value),
        ("content_block.type", BlockType, JsonWant.Value),
        ("content_block.text", AnswerField.Text, JsonWant.Value),
        ("content_block.thinking", AnswerField.Thinking, JsonWant.Value),
        ("content_block.name", AnswerField.ToolName, JsonWant.Value),
        ("delta.text", AnswerField.Text, JsonWant.Value),
        ("delta.thinking", AnswerField.Thinking, JsonWant.Value),
        ("delta.partial_json", PartialJson, JsonWant.Value),
        ("delta.stop_reason", AnswerField.FinishReason, JsonWant.Value),
        ("stop_reason", AnswerField.FinishReason, JsonWant.Value),
        ("usage.input_tokens", AnswerField.PromptTokens, JsonWant.Value),
        ("usage.output_tokens", AnswerField.CompletionTokens, JsonWant.Value),
        ("usage.cache_read_input_tokens", CacheRead, JsonWant.Value),
        ("usage.cache_creation_input_tokens", CacheWritten, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value));

    private readonly ResponseHead _head;
    private readonly AnswerScanner _scanner;
    private readonly AnswerFacts _answer = new();
    private bool _isToolUse;
    private bool _stopped;
    private int? _cacheRead;
    private int? _cacheWritten;
    private long _timestamp;

    public AnthropicResponseReader(in ResponseHead head)
    {
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
        // In this dialect the three counts are parts of the prompt that do not overlap; everywhere else the cached ones are part of the whole.
        if (_cacheRead is not null || _cacheWritten is not null)
        {
            _answer.PromptTokens = _answer.PromptTokens.GetValueOrDefault() + _cacheRead.GetValueOrDefault() + _cacheWritten.GetValueOrDefault();
            _answer.CachedPromptTokens = _cacheRead;
        }

        // A stream that ends in order after its stop_reason lacks nothing but the terminator.
        var isTerminated = _scanner.IsStream ? _stopped || _scanner.IsDone || (ended && _answer.FinishReason is not null) : _scanner.HasObject;
        return _answer.Complete(timeProvider, _head, _scanner, isTerminated, _scanner.IsStream, isGeneration: true);
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        switch (field)
        {
            case Type:
                _stopped |= utf8.SequenceEqual("message_stop"u8);
                if (utf8.SequenceEqual("error"u8))
                {
                    _answer.Begin(AnswerField.Error);
                }

                break;
            case BlockType:
                _isToolUse = utf8.SequenceEqual("tool_use"u8);
                break;
            case PartialJson:
                _answer.ToolCalls.Append(utf8);
                _answer.MarkContent();
                break;
            default:
                _answer.Text(field, utf8, length);
                break;
        }
    }

    void IJsonFieldSink.Literal(int field, ReadOnlySpan<byte> token)
    {
        switch (field)
        {
            case CacheRead:
                _cacheRead = JsonNumber.Int32(token) ?? _cacheRead;
                break;
            case CacheWritten:
                _cacheWritten = JsonNumber.Int32(token) ?? _cacheWritten;
                break;
            default:
                _answer.Literal(field, token);
                break;
        }
    }

    void IJsonFieldSink.Raw(int field, ReadOnlySpan<byte> json, bool isWhole) => _answer.Raw(field, json, isWhole);

    void IJsonFieldSink.Begin(int field)
    {
        _answer.Begin(field);
        if (field is Block or StartedBlock)
        {
            _isToolUse = false;
            _answer.BeginTool();
        }
    }

    void IJsonFieldSink.End(int field)
    {
        if (field is Block or StartedBlock && _isToolUse)
        {
            _answer.EndTool(isContent: field == Block);
        }
    }

    void IJsonFieldSink.DocumentEnd() => _answer.EndPiece(_timestamp);
}
