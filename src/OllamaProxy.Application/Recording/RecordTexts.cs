using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>The texts that a record keeps: first redacted, then cut, because a pattern would not match a number that the cut has halved.</summary>
public sealed class RecordTexts(RecordingOptions options, Redactor redactor)
{
    private const int MaxError = 1_000;

    /// <summary>When a reader stopped inside a text, it may have cut a match in half; this many characters at the end are therefore dropped.</summary>
    private const int UnsureEnd = 256;

    /// <summary>Bytes by which a reader may stay below its limit to avoid cutting a character: three per UTF-16 unit, and part of the next one.</summary>
    private const int LongestCut = (TextCut.LongestCharacter * 3) + 4;

    private readonly int _length = options.Capture == CaptureMode.Preview ? options.PreviewLength : int.MaxValue;

    public RecordingOptions Options => options;

    /// <summary>Prepares a prompt, a system prompt, a response or thinking.</summary>
    public string? Keep(string? text) => options.Capture == CaptureMode.None ? null : TextCut.Beginning(Redact(text), _length);

    /// <summary>Prepares a JSON text, which stays valid JSON unless it is cut.</summary>
    public string? KeepJson(string? json) => options.Capture == CaptureMode.None ? null : TextCut.Beginning(redactor.RedactJson(json), _length);

    /// <summary>
    /// Prepares the error. Ollama's text may quote the prompt or the response (for example a malformed tool call), so it is dropped when no texts are kept; the
    /// proxy's own errors never quote them.
    /// </summary>
    public string? KeepError(Exchange exchange) =>
        options.Capture == CaptureMode.None && exchange.Response.Error is not null ? null : TextCut.Beginning(Redact(exchange.Error), MaxError);

    /// <summary>Prepares the request target, because clients put keys into query strings.</summary>
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

    /// <summary>True when the reader may have cut the text. A UTF-16 unit has at most three bytes, so short texts need no byte count.</summary>
    private static bool IsCut(string text) =>
        text.Length * 3 > JsonFieldScanner.MaxText - LongestCut && Encoding.UTF8.GetByteCount(text) > JsonFieldScanner.MaxText - LongestCut;
}
