using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>
/// What a record may hold of the texts that passed. First what matches a pattern is redacted, then the text is cut: a number that the cut halved would be
/// recognised no more.
/// </summary>
public sealed class RecordTexts(RecordingOptions options, Redactor redactor)
{
    private const int MaxError = 1_000;

    /// <summary>
    /// Where a reader stopped in the middle of a text, it may have halved what a pattern would have found: no longer piece than this stays unrecognised.
    /// </summary>
    private const int UnsureEnd = 256;

    /// <summary>Bytes that a reader may stay below its bound, so that no character is cut: three a UTF-16 unit, and a part of the next one.</summary>
    private const int LongestCut = (TextCut.LongestCharacter * 3) + 4;

    private readonly int _length = options.Capture == CaptureMode.Preview ? options.PreviewLength : int.MaxValue;

    /// <summary>The recording options.</summary>
    public RecordingOptions Options => options;

    /// <summary>A prompt, a system prompt, an answer or a thought.</summary>
    public string? Keep(string? text) => options.Capture == CaptureMode.None ? null : TextCut.Beginning(Redact(text), _length);

    /// <summary>A JSON text, which stays one unless it is cut.</summary>
    public string? KeepJson(string? json) => options.Capture == CaptureMode.None ? null : TextCut.Beginning(redactor.RedactJson(json), _length);

    /// <summary>
    /// Why it failed. Ollama's own words may quote what it was asked or what the model said (a tool call it could not read, say), so without texts they go too;
    /// ours never do, and stay.
    /// </summary>
    public string? KeepError(Exchange exchange) =>
        options.Capture == CaptureMode.None && exchange.Response.Error is not null ? null : TextCut.Beginning(Redact(exchange.Error), MaxError);

    /// <summary>The request target: no text, but clients put keys into queries.</summary>
    public string? KeepTarget(string target) => TextCut.BeginningOfTarget(redactor.Redact(target), 500);

    private string? Redact(string? text)
    {
        if (text is null || !redactor.IsOn)
        {
            return text;
        }

        var redacted = redactor.Redact(text);
        return IsCut(text) ? TextCut.Beginning(redacted, Math.Max(0, redacted.Length - UnsureEnd)) : redacted;
    }

    /// <summary>
    /// True when the readers may have left something out. A character has at most three bytes a UTF-16 unit, which spares counting most texts.
    /// </summary>
    private static bool IsCut(string text) =>
        text.Length * 3 > JsonFieldScanner.MaxText - LongestCut && Encoding.UTF8.GetByteCount(text) > JsonFieldScanner.MaxText - LongestCut;
}
