using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads a response of <c>/v1/responses</c>: one JSON object, or typed events that end with <c>response.completed</c>. The type may follow the data it
/// describes, so a delta is held until its event ends.
/// </summary>
internal sealed class ResponsesReader : IResponseReader, IJsonFieldSink
{
    private const int Type = AnswerField.Own;
    private const int Delta = AnswerField.Own + 1;
    private const int Message = AnswerField.Own + 2;
    private const int Item = AnswerField.Own + 3;
    private const int ItemType = AnswerField.Own + 4;
    private const int Status = AnswerField.Own + 5;
    private const int IncompleteReason = AnswerField.Own + 6;
    private const int ItemText = AnswerField.Own + 7;
    private const int Summary = AnswerField.Own + 8;
    private const int Event = AnswerField.Own + 9;
    private const int Output = AnswerField.Own + 10;

    /// <summary>The fields of events, then those of the plain object. No name has two meanings, and the media type does not decide between them.</summary>
    private static readonly JsonFields s_fields = new(
        ("", Event, JsonWant.Value),
        ("type", Type, JsonWant.Value),
        ("delta", Delta, JsonWant.Value),
        ("output_index", AnswerField.ToolIndex, JsonWant.Value),
        ("item_id", AnswerField.ToolId, JsonWant.Value),
        ("arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("message", Message, JsonWant.Value),
        ("item", Item, JsonWant.Value),
        ("item.type", ItemType, JsonWant.Value),
        ("item.id", AnswerField.ToolId, JsonWant.Value),
        ("item.name", AnswerField.ToolName, JsonWant.Value),
        ("item.arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("response.model", AnswerField.Model, JsonWant.Value),
        ("response.status", Status, JsonWant.Value),
        ("response.incomplete_details.reason", IncompleteReason, JsonWant.Value),
        ("response.error", AnswerField.Error, JsonWant.Value),
        ("response.error.message", AnswerField.Error, JsonWant.Value),
        ("response.usage.input_tokens", AnswerField.PromptTokens, JsonWant.Value),
        ("response.usage.output_tokens", AnswerField.CompletionTokens, JsonWant.Value),
        ("response.usage.input_tokens_details.cached_tokens", AnswerField.CachedPromptTokens, JsonWant.Value),
        ("model", AnswerField.Model, JsonWant.Value),
        ("status", Status, JsonWant.Value),
        ("incomplete_details.reason", IncompleteReason, JsonWant.Value),
        ("output[]", Output, JsonWant.Value),
        ("output[].type", ItemType, JsonWant.Value),
        ("output[].name", AnswerField.ToolName, JsonWant.Value),
        ("output[].arguments", AnswerField.ToolArguments, JsonWant.Raw),
        ("output[].content[].text", ItemText, JsonWant.Value),
        ("output[].content[].refusal", ItemText, JsonWant.Value),
        ("output[].summary[].text", Summary, JsonWant.Value),
        ("usage.input_tokens", AnswerField.PromptTokens, JsonWant.Value),
        ("usage.output_tokens", AnswerField.CompletionTokens, JsonWant.Value),
        ("usage.input_tokens_details.cached_tokens", AnswerField.CachedPromptTokens, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value));

    private enum EventType : byte
    {
        Other,
        Text,
        Thinking,
        Arguments,
        ArgumentsDone,
        ItemAdded,
        ItemDone,
        End,
        Failed,
        Error,
    }

    private enum ItemKind : byte
    {
        Other,
        FunctionCall,
        Reasoning,
    }

    private readonly ResponseHead _head;
    private readonly AnswerScanner _scanner;
    private readonly AnswerFacts _answer = new();
    private readonly ByteBuffer _delta = new(JsonFieldScanner.MaxText);
    private EventType _type;
    private ItemKind _item;
    private bool _hasSummary;
    private string? _message;
    private string? _status;
    private string? _incompleteReason;
    private bool _terminated;
    private long _timestamp;

    public ResponsesReader(in ResponseHead head)
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
        // "completed", or the reason why not. The status of the first events is not a finish reason.
        _answer.FinishReason = _incompleteReason ?? (_status is "in_progress" or "queued" ? null : _status);
        if (_status == "failed")
        {
            _answer.Error ??= "The response failed.";
        }

        // A stream that ends cleanly after its last status lacks only the terminator.
        var isTerminated = _scanner.IsStream ? _terminated || _scanner.IsDone || (ended && _answer.FinishReason is not null) : _scanner.HasObject;
        return _answer.Complete(timeProvider, _head, _scanner, isTerminated, _scanner.IsStream, isGeneration: true);
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        switch (field)
        {
            case Type:
                _type = TypeOf(utf8);
                break;
            case Delta or ItemText:
                _delta.Append(utf8, length);
                break;
            case Summary:
                _hasSummary |= length > 0;
                _answer.Text(AnswerField.Thinking, utf8, length);
                break;
            case Message:
                _message = Encoding.UTF8.GetString(utf8);
                break;
            case ItemType:
                _item = utf8.SequenceEqual("function_call"u8) ? ItemKind.FunctionCall : utf8.SequenceEqual("reasoning"u8) ? ItemKind.Reasoning : ItemKind.Other;
                break;
            case Status:
                _status = Encoding.UTF8.GetString(utf8);
                break;
            case IncompleteReason:
                _incompleteReason = Encoding.UTF8.GetString(utf8);
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
            case Event:
                _type = EventType.Other;
                _message = null;
                BeginItem();
                break;
            case Output:
                BeginItem();
                break;
        }
    }

    void IJsonFieldSink.End(int field)
    {
        // In an event the type is known only at its end; an item of the plain object is complete here.
        if (field == Output)
        {
            EndItem();
        }
    }

    void IJsonFieldSink.DocumentEnd()
    {
        switch (_type)
        {
            case EventType.Text:
                AppendDelta(AnswerField.Text);
                break;
            case EventType.Thinking:
                AppendDelta(AnswerField.Thinking);
                break;
            case EventType.Arguments:
                _answer.Text(AnswerField.ToolArguments, _delta.Span, _delta.Length);
                _answer.EndTool();
                _answer.MarkContent();
                break;
            case EventType.ArgumentsDone:
                EndCall();
                break;
            case EventType.ItemAdded when _item == ItemKind.FunctionCall:
                _answer.EndTool(isWhole: true);
                break;
            case EventType.ItemDone when _item == ItemKind.FunctionCall:
                EndCall();
                break;
            case EventType.Error or EventType.Failed:
                _answer.Error ??= _message ?? "The response failed.";
                _terminated = true;
                break;
            case EventType.End:
                _terminated = true;
                break;
        }

        _answer.EndPiece(_timestamp);
    }

    private void BeginItem()
    {
        _item = ItemKind.Other;
        _hasSummary = false;
        _delta.Clear();
        _answer.BeginTool();
    }

    private void EndItem()
    {
        switch (_item)
        {
            case ItemKind.FunctionCall:
                _answer.EndTool(isWhole: true);
                break;
            case ItemKind.Reasoning when !_hasSummary:
                AppendDelta(AnswerField.Thinking);
                break;
            case ItemKind.Other:
                AppendDelta(AnswerField.Text);
                break;
        }
    }

    /// <summary>Appends the delta to its item, because a stream can interleave its items.</summary>
    private void AppendDelta(int field)
    {
        _answer.Part = _answer.ToolIndex ?? 0;
        _answer.Text(field, _delta.Span, _delta.Length);
        _answer.Part = null;
    }

    /// <summary>The complete arguments repeat the deltas; without deltas, they are the token.</summary>
    private void EndCall()
    {
        if (_answer.EndTool(isWhole: true))
        {
            _answer.MarkContent();
        }
    }

    private static EventType TypeOf(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("response.output_text.delta"u8) || name.SequenceEqual("response.refusal.delta"u8) ? EventType.Text :
        name.SequenceEqual("response.reasoning_summary_text.delta"u8) || name.SequenceEqual("response.reasoning_text.delta"u8) ? EventType.Thinking :
        name.SequenceEqual("response.function_call_arguments.delta"u8) ? EventType.Arguments :
        name.SequenceEqual("response.function_call_arguments.done"u8) ? EventType.ArgumentsDone :
        name.SequenceEqual("response.output_item.added"u8) ? EventType.ItemAdded :
        name.SequenceEqual("response.output_item.done"u8) ? EventType.ItemDone :
        name.SequenceEqual("response.completed"u8) || name.SequenceEqual("response.incomplete"u8) ? EventType.End :
        name.SequenceEqual("response.failed"u8) ? EventType.Failed :
        name.SequenceEqual("error"u8) ? EventType.Error :
        EventType.Other;
}
