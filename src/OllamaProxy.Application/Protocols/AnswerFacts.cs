using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The fields that the responses of all dialects have, at different places. A dialect's own fields start at <see cref="Own"/>.</summary>
internal static class AnswerField
{
    public const int Model = 0;
    public const int Text = 1;
    public const int Thinking = 2;
    public const int ToolCall = 3;
    public const int ToolName = 4;
    public const int ToolArguments = 5;
    public const int FinishReason = 6;
    public const int Error = 7;
    public const int PromptTokens = 8;
    public const int CachedPromptTokens = 9;
    public const int CompletionTokens = 10;
    public const int TotalDuration = 11;
    public const int LoadDuration = 12;
    public const int PromptEvalDuration = 13;
    public const int EvalDuration = 14;

    /// <summary>The index of the choice or content block.</summary>
    public const int Part = 15;

    public const int ToolIndex = 16;
    public const int ToolId = 17;

    /// <summary>The first number for a dialect's own fields.</summary>
    public const int Own = 32;
}

/// <summary>Collects the facts of a response in any dialect: bounded, and without an allocation per chunk.</summary>
/// <param name="separator">Separates the texts of two parts.</param>
internal sealed class AnswerFacts(string separator = "")
{
    private readonly PartTexts _text = new();
    private readonly PartTexts _thinking = new();
    private readonly ByteBuffer _arguments = new(JsonFieldScanner.MaxText);

    /// <summary>Bytes instead of a string, because each event of a Responses stream names its item, which only matters for tool calls.</summary>
    private readonly ByteBuffer _toolId = new(512);

    private GapMeter _gaps;
    private bool _hasUnknownPart;
    private string? _toolName;
    private bool _areArgumentsWhole;
    private bool _carriesContent;
    private bool _hasError;

    public int Pieces => _gaps.Pieces;

    public ToolCalls ToolCalls { get; } = new();

    /// <summary>The part being read; null until its number was read.</summary>
    public int? Part { get; set; }

    /// <summary>The index of the tool call being read; null without one.</summary>
    public int? ToolIndex { get; private set; }

    /// <summary>True when the current chunk has tool call arguments.</summary>
    public bool HasArguments => _arguments.Length > 0;

    public string? Model { get; private set; }

    public string? FinishReason { get; set; }

    /// <summary>True for the response to an empty prompt, which only loads or unloads the model.</summary>
    public bool IsLoad => FinishReason is "load" or "unload";

    public string? Error { get; set; }

    public int? PromptTokens { get; set; }

    public int? CachedPromptTokens { get; set; }

    public int? CompletionTokens { get; set; }

    public TimeSpan? TotalDuration { get; private set; }

    public TimeSpan? LoadDuration { get; private set; }

    public TimeSpan? PromptEvalDuration { get; private set; }

    public TimeSpan? EvalDuration { get; private set; }

    public void Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        switch (field)
        {
            case AnswerField.Model when utf8.Length > 0 && Model is null:
                Model = Encoding.UTF8.GetString(utf8);
                break;
            case AnswerField.Text:
                _text.Append(NotePart(), utf8, length);
                _carriesContent |= length > 0;
                break;
            case AnswerField.Thinking:
                _thinking.Append(NotePart(), utf8, length);
                _carriesContent |= length > 0;
                break;
            case AnswerField.ToolName:
                _toolName = Encoding.UTF8.GetString(utf8);
                break;
            case AnswerField.ToolId:
                _toolId.Append(utf8);
                break;
            case AnswerField.ToolArguments:
                _arguments.Append(utf8, length);
                break;
            case AnswerField.FinishReason when utf8.Length > 0:
                FinishReason = Encoding.UTF8.GetString(utf8);
                break;
            case AnswerField.Error when utf8.Length > 0:
                Error = Encoding.UTF8.GetString(utf8);
                break;
        }
    }

    public void Literal(int field, ReadOnlySpan<byte> token)
    {
        switch (field)
        {
            case AnswerField.Error when token.SequenceEqual("true"u8):
                _hasError = true;
                break;
            case AnswerField.PromptTokens:
                PromptTokens = JsonNumber.Count(token) ?? PromptTokens;
                break;
            case AnswerField.CachedPromptTokens:
                CachedPromptTokens = JsonNumber.Int32(token) ?? CachedPromptTokens;
                break;
            case AnswerField.CompletionTokens:
                CompletionTokens = JsonNumber.Count(token) ?? CompletionTokens;
                break;
            case AnswerField.TotalDuration:
                TotalDuration = JsonNumber.Nanoseconds(token);
                break;
            case AnswerField.LoadDuration:
                LoadDuration = JsonNumber.Nanoseconds(token);
                break;
            case AnswerField.PromptEvalDuration:
                PromptEvalDuration = JsonNumber.Nanoseconds(token);
                break;
            case AnswerField.EvalDuration:
                EvalDuration = JsonNumber.Nanoseconds(token);
                break;
            case AnswerField.Part:
                Part = JsonNumber.Int32(token);
                break;
            case AnswerField.ToolIndex:
                ToolIndex = JsonNumber.Int32(token);
                break;
        }
    }

    /// <summary>Adds tool call arguments in the form of an object. An empty object counts as none.</summary>
    public void Raw(int field, ReadOnlySpan<byte> json, bool isWhole)
    {
        if (field == AnswerField.ToolArguments && !IsEmptyObject(json))
        {
            _arguments.Append(isWhole ? json : "null"u8);
            _areArgumentsWhole = true;
        }
    }

    /// <summary>An object starts. One named <c>error</c> is an error, even without a message.</summary>
    public void Begin(int field) => _hasError |= field == AnswerField.Error;

    /// <summary>A tool call starts: its members follow in any order.</summary>
    public void BeginTool()
    {
        (ToolIndex, _toolName, _areArgumentsWhole) = (null, null, false);
        _toolId.Clear();
        _arguments.Clear();
    }

    /// <summary>Ends a tool call or a fragment of one.</summary>
    /// <param name="opens">False when it can only continue a call.</param>
    /// <param name="isWhole">True when its arguments are complete.</param>
    /// <returns>True when these are the call's first arguments.</returns>
    public bool EndTool(bool opens = true, bool isWhole = false) => ToolCalls.Add(new ToolPiece
    {
        Part = NotePart(),
        Index = ToolIndex,
        Id = _toolId.Count > 0 ? _toolId.ToString() : null,
        Name = _toolName,
        Arguments = _arguments.Span,
        Length = _arguments.Length,
        IsWhole = isWhole || _areArgumentsWhole,
        Opens = opens,
    });

    /// <summary>Ends a part or a fragment of one.</summary>
    /// <param name="otherwise">The part's number when the response has none.</param>
    /// <param name="opens">Whether its fragments may start tool calls.</param>
    public void EndPart(int otherwise, bool opens = true)
    {
        var part = Part ?? otherwise;
        Part = null;
        if (_hasUnknownPart)
        {
            _hasUnknownPart = false;
            _text.Settle(part);
            _thinking.Settle(part);
            ToolCalls.Settle(part, opens);
        }
    }

    /// <summary>Counts the current chunk as a token although it has no text.</summary>
    public void MarkContent() => _carriesContent = true;

    /// <summary>Ends a chunk of the response.</summary>
    /// <param name="timestamp">The chunk's arrival.</param>
    public void EndPiece(long timestamp)
    {
        if (_carriesContent)
        {
            _gaps.Piece(timestamp);
            _carriesContent = false;
        }
    }

    /// <param name="time">The clock of the timestamps.</param>
    /// <param name="head">The head of the response.</param>
    /// <param name="scanner">The scanner of the body; null when its format does not matter.</param>
    /// <param name="isTerminated">Whether the dialect's terminator was seen.</param>
    /// <param name="isStream">Whether the response was a stream.</param>
    /// <param name="isGeneration">Whether the chunks are tokens.</param>
    /// <param name="isInference">Whether a model ran.</param>
    public ResponseFacts Complete(
        TimeProvider time, in ResponseHead head, AnswerScanner? scanner, bool isTerminated, bool isStream, bool isGeneration, bool isInference = true)
    {
        if (_hasError || scanner is { HasErrorEvent: true })
        {
            Error ??= "The response contains an error without a message.";
        }

        // A server in front of Ollama often sends errors as text or HTML; their status says enough.
        if (!isTerminated && head.StatusCode < 400 && scanner is { IsLost: true })
        {
            return ResponseFacts.Unread(ParseFailure.UnknownFormat, Error);
        }

        isStream &= head.StatusCode < 400;
        var isTokens = isStream && isGeneration;
        // The counts come at the end or not at all; without them, every chunk was at least one token.
        var isEstimated = isTokens && CompletionTokens is null && _gaps.Pieces > 0;
        return new ResponseFacts
        {
            Model = Model,
            Text = _text.Complete(separator),
            Thinking = _thinking.Complete(separator),
            ToolCalls = ToolCalls.Complete(),
            ToolCallCount = ToolCalls.Count > 0 ? ToolCalls.Count : null,
            FinishReason = FinishReason,
            Usage = new TokenUsage
            {
                PromptTokens = PromptTokens,
                CachedPromptTokens = CachedPromptTokens,
                CompletionTokens = isEstimated ? _gaps.Pieces : CompletionTokens,
                TotalDuration = TotalDuration,
                LoadDuration = LoadDuration,
                PromptEvalDuration = PromptEvalDuration,
                EvalDuration = EvalDuration,
                Estimated = isEstimated,
            },
            Error = Error,
            Terminated = isTerminated,
            Streamed = isStream,
            ContentPieces = _gaps.Pieces,
            TimeToFirstToken = isTokens ? _gaps.First(time, head.StartedTimestamp) : null,
            MeanGap = isTokens ? _gaps.Mean(time) : null,
            LongestGap = isTokens ? _gaps.Longest(time) : null,
            IsInference = isInference,
        };
    }

    private int NotePart()
    {
        _hasUnknownPart |= Part is null;
        return Part ?? PartTexts.Unknown;
    }

    private static bool IsEmptyObject(ReadOnlySpan<byte> json) => json.StartsWith("{"u8) && json[1..].TrimStart(" \t\r\n"u8).StartsWith("}"u8);
}
