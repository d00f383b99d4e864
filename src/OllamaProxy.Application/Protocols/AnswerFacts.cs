using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The fields every dialect has in its answers, wherever it puts them. A dialect's own begin at <see cref="Own"/>.</summary>
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

    /// <summary>The first number a dialect may use for itself.</summary>
    public const int Own = 32;
}

/// <summary>Gathers what an answer says, in whichever dialect: bounded, and without an allocation for each piece of a stream.</summary>
internal sealed class AnswerFacts
{
    private readonly ByteBuffer _text = new(JsonFieldScanner.MaxText);
    private readonly ByteBuffer _thinking = new(JsonFieldScanner.MaxText);
    private readonly ByteBuffer _arguments = new(JsonFieldScanner.MaxText);
    private GapMeter _gaps;
    private string? _toolName;
    private bool _carriesContent;
    private bool _hasError;

    /// <summary>See <see cref="IResponseReader.Pieces"/>.</summary>
    public int Pieces => _gaps.Pieces;

    public ToolCalls ToolCalls { get; } = new();

    public string? Model { get; private set; }

    public string? FinishReason { get; set; }

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
                _text.Append(utf8);
                _carriesContent |= length > 0;
                break;
            case AnswerField.Thinking:
                _thinking.Append(utf8);
                _carriesContent |= length > 0;
                break;
            case AnswerField.ToolName:
                _toolName = Encoding.UTF8.GetString(utf8);
                break;
            case AnswerField.ToolArguments:
                _arguments.Append(utf8);
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
        }
    }

    /// <summary>The arguments of a tool call as an object.</summary>
    public void Raw(int field, ReadOnlySpan<byte> json, bool isWhole)
    {
        if (field == AnswerField.ToolArguments)
        {
            _arguments.Append(isWhole ? json : "null"u8);
        }
    }

    /// <summary>An object begins. One named <c>error</c> is an error, whether or not a message is in it.</summary>
    public void Begin(int field) => _hasError |= field == AnswerField.Error;

    /// <summary>A tool call begins: its members follow in any order.</summary>
    public void BeginTool()
    {
        _toolName = null;
        _arguments.Clear();
    }

    /// <summary>A tool call's object is over. One without a name goes on with the call before it, as OpenAI's streams do.</summary>
    /// <param name="isContent">False where it repeats, or only announces, what other pieces carry.</param>
    public void EndTool(bool isContent = true)
    {
        _carriesContent |= isContent;
        if (!string.IsNullOrEmpty(_toolName) || ToolCalls.Count == 0)
        {
            ToolCalls.Open(_toolName ?? "");
        }

        ToolCalls.Append(_arguments.Span);
    }

    /// <summary>The piece being read is a token although no text is in it.</summary>
    public void MarkContent() => _carriesContent = true;

    /// <summary>A piece of the answer is whole.</summary>
    /// <param name="timestamp">When it arrived.</param>
    public void EndPiece(long timestamp)
    {
        if (_carriesContent)
        {
            _gaps.Piece(timestamp);
            _carriesContent = false;
        }
    }

    /// <param name="time">The clock of the timestamps.</param>
    /// <param name="head">What the answer began with.</param>
    /// <param name="scanner">What followed the body; null where its form does not matter.</param>
    /// <param name="isTerminated">Whether the dialect's terminator was seen.</param>
    /// <param name="isStream">Whether the answer came in pieces.</param>
    /// <param name="isGeneration">Whether the pieces are tokens.</param>
    /// <param name="isInference">Whether a model ran.</param>
    public ResponseFacts Complete(
        TimeProvider time, in ResponseHead head, AnswerScanner? scanner, bool isTerminated, bool isStream, bool isGeneration, bool isInference = true)
    {
        if (_hasError || scanner is { HasErrorEvent: true })
        {
            Error ??= "The answer carried an error without a message.";
        }

        // Errors often come as text or HTML, by whoever answered in Ollama's place; there the status says enough.
        if (!isTerminated && head.StatusCode < 400 && scanner is { IsLost: true })
        {
            return ResponseFacts.Unread(ParseFailure.UnknownFormat, Error);
        }

        isStream &= head.StatusCode < 400;
        var isTokens = isStream && isGeneration;
        // The counts come at the end, or not at all: then every piece was a token at least.
        var isEstimated = isTokens && CompletionTokens is null && _gaps.Pieces > 0;
        return new ResponseFacts
        {
            Model = Model,
            Text = _text.Length > 0 ? _text.ToString() : null,
            Thinking = _thinking.Length > 0 ? _thinking.ToString() : null,
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
}
