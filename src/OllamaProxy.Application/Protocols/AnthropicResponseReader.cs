using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads a response of <c>/v1/messages</c>: one JSON object, or events that end with <c>message_stop</c>. The members of an event come in any order, so its
/// meaning is known only at its end.
/// </summary>
internal sealed class AnthropicResponseReader : IResponseReader, IJsonFieldSink
{
    private const int Type = AnswerField.Own;
    private const int Block = AnswerField.Own + 1;
    private const int BlockType = AnswerField.Own + 2;
    private const int StartedBlock = AnswerField.Own + 3;
    private const int InputTokens = AnswerField.Own + 4;
    private const int CacheRead = AnswerField.Own + 5;
    private const int CacheWritten = AnswerField.Own + 6;
    private const int StartInputTokens = AnswerField.Own + 7;
    private const int StartCacheRead = AnswerField.Own + 8;
    private const int StartCacheWritten = AnswerField.Own + 9;
    private const int Event = AnswerField.Own + 10;

    private static readonly JsonFields s_fields = new(
        ("", Event, JsonWant.Value),
        ("type", Type, JsonWant.Value),
        ("model", AnswerField.Model, JsonWant.Value),
        ("message.model", AnswerField.Model, JsonWant.Value),
        ("index", AnswerField.Part, JsonWant.Value),
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
        ("content_block.input", AnswerField.ToolArguments, JsonWant.Raw),
        ("delta.text", AnswerField.Text, JsonWant.Value),
        ("delta.thinking", AnswerField.Thinking, JsonWant.Value),
        ("delta.partial_json", AnswerField.ToolArguments, JsonWant.Value),
        ("delta.stop_reason", AnswerField.FinishReason, JsonWant.Value),
        ("stop_reason", AnswerField.FinishReason, JsonWant.Value),
        ("message.usage.input_tokens", StartInputTokens, JsonWant.Value),
        ("message.usage.cache_read_input_tokens", StartCacheRead, JsonWant.Value),
        ("message.usage.cache_creation_input_tokens", StartCacheWritten, JsonWant.Value),
        ("usage.input_tokens", InputTokens, JsonWant.Value),
        ("usage.output_tokens", AnswerField.CompletionTokens, JsonWant.Value),
        ("usage.cache_read_input_tokens", CacheRead, JsonWant.Value),
        ("usage.cache_creation_input_tokens", CacheWritten, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value));

    private readonly ResponseHead _head;
    private readonly AnswerScanner _scanner;
    private readonly AnswerFacts _answer = new();
    private BlockKind _kind;
    private bool _startsBlock;
    private bool _endsBlock;
    private int _block = -1;
    private bool _stopped;
    private int? _inputTokens;
    private int? _cacheRead;
    private int? _cacheWritten;
    private int? _startInputTokens;
    private int? _startCacheRead;
    private int? _startCacheWritten;
    private long _timestamp;

    private enum BlockKind : byte
    {
        Other,

        /// <summary>A call of one of the client's tools.</summary>
        ToolUse,

        /// <summary>
        /// A call that the server runs itself (<c>server_tool_use</c>, <c>mcp_tool_use</c>): tokens of the model, but no call for the client.
        /// </summary>
        ServerToolUse,
    }

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
        _answer.PromptTokens = PromptTokens();
        _answer.CachedPromptTokens = _cacheRead ?? _startCacheRead;
        // A stream that ends cleanly after its stop_reason lacks only the terminator.
        var isTerminated = _scanner.IsStream ? _stopped || _scanner.IsDone || (ended && _answer.FinishReason is not null) : _scanner.HasObject;
        return _answer.Complete(timeProvider, _head, _scanner, isTerminated, _scanner.IsStream, isGeneration: true);
    }

    /// <summary>
    /// In this dialect the prompt is the sum of three disjoint counts; elsewhere the cached tokens are included. The counts at the start are Ollama's estimate
    /// (a quarter of the text's length), unless the server reports a cache or counts only the output at the end.
    /// </summary>
    private int? PromptTokens()
    {
        var isStartCounted = _startCacheRead is not null || _startCacheWritten is not null || _answer.CompletionTokens is not null;
        var input = _inputTokens ?? (isStartCounted ? _startInputTokens : null);
        var total = input.GetValueOrDefault() + (_cacheRead ?? _startCacheRead).GetValueOrDefault() + (_cacheWritten ?? _startCacheWritten).GetValueOrDefault();
        return total > 0 ? total : null;
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

                _endsBlock = utf8.SequenceEqual("content_block_stop"u8);
                break;
            case BlockType:
                _kind =
                    utf8.SequenceEqual("tool_use"u8) ? BlockKind.ToolUse :
                    utf8.EndsWith("tool_use"u8) ? BlockKind.ServerToolUse :
                    BlockKind.Other;
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
            case InputTokens:
                _inputTokens = JsonNumber.Int32(token) ?? _inputTokens;
                break;
            case CacheRead:
                _cacheRead = JsonNumber.Int32(token) ?? _cacheRead;
                break;
            case CacheWritten:
                _cacheWritten = JsonNumber.Int32(token) ?? _cacheWritten;
                break;
            case StartInputTokens:
                _startInputTokens = JsonNumber.Int32(token);
                break;
            case StartCacheRead:
                _startCacheRead = JsonNumber.Int32(token);
                break;
            case StartCacheWritten:
                _startCacheWritten = JsonNumber.Int32(token);
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
        switch (field)
        {
            case Event:
                _startsBlock = _endsBlock = false;
                _answer.Part = null;
                _answer.BeginTool();
                break;
            case Block or StartedBlock:
                _kind = BlockKind.Other;
                _startsBlock = field == StartedBlock;
                _answer.BeginTool();
                break;
        }
    }

    void IJsonFieldSink.End(int field)
    {
        if (field == Block)
        {
            // The blocks of a complete message are numbered by their position.
            StartBlock(_block + 1);
        }
    }

    void IJsonFieldSink.DocumentEnd()
    {
        if (_startsBlock)
        {
            StartBlock(_answer.Part ?? _block + 1);
        }
        else if (_answer.HasArguments)
        {
            _answer.EndTool(opens: false);
            _answer.MarkContent();
        }
        else if (_endsBlock && _answer.ToolCalls.IsEmpty(_answer.Part ?? _block))
        {
            // A call without arguments counts as a token; otherwise its arguments already did.
            _answer.MarkContent();
        }

        _answer.EndPart(_block, opens: false);
        _answer.EndPiece(_timestamp);
    }

    private void StartBlock(int block)
    {
        _block = block;
        if (_kind == BlockKind.ToolUse && (_answer.EndTool() || !_scanner.IsStream))
        {
            _answer.MarkContent();
        }
        else if (_kind == BlockKind.ServerToolUse && _answer.HasArguments)
        {
            _answer.MarkContent();
        }

        _answer.EndPart(block);
        _answer.BeginTool();
    }
}
