using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// The text of a response with parts: choices, content blocks or output items. A stream can interleave its parts, so each has its own text. Their total is
/// bounded.
/// </summary>
internal sealed class PartTexts
{
    /// <summary>The part of a chunk whose number may still follow; its text moves when the number is known.</summary>
    public const int Unknown = int.MaxValue;

    /// <summary>Text of further parts is appended to the preceding part.</summary>
    private const int MaxParts = 64;

    private readonly List<(int Part, ByteBuffer Text)> _parts = [];
    private int _kept;

    /// <param name="part">The part of the text.</param>
    /// <param name="utf8">The text.</param>
    /// <param name="length">Its length in bytes before it was cut.</param>
    public void Append(int part, ReadOnlySpan<byte> utf8, long length)
    {
        if (length == 0)
        {
            return;
        }

        var kept = Math.Min(utf8.Length, JsonFieldScanner.MaxText - _kept);
        TextOf(part).Append(utf8[..kept], length);
        _kept += kept;
    }

    /// <summary>Assigns the text of the <see cref="Unknown"/> part to this one.</summary>
    public void Settle(int part)
    {
        // The unknown part has the highest number, so it is the last.
        if (part == Unknown || _parts.Count == 0 || _parts[^1].Part != Unknown)
        {
            return;
        }

        var text = _parts[^1].Text;
        _kept -= text.Count;
        Append(part, text.Span, text.Length);
        text.Clear();
    }

    /// <summary>The texts in the order of their parts; null without any.</summary>
    /// <param name="separator">Separates two parts.</param>
    public string? Complete(string separator)
    {
        var texts = _parts.Where(part => part.Text.Length > 0).Select(part => part.Text.ToString()).ToArray();
        return texts.Length > 0 ? string.Join(separator, texts) : null;
    }

    private ByteBuffer TextOf(int part)
    {
        // Usually the last part continues.
        var at = _parts.Count - 1;
        while (at >= 0 && _parts[at].Part > part)
        {
            at--;
        }

        if (at < 0 || _parts[at].Part != part)
        {
            if (_parts.Count == MaxParts)
            {
                return _parts[Math.Max(at, 0)].Text;
            }

            at++;
            _parts.Insert(at, (part, new ByteBuffer(JsonFieldScanner.MaxText)));
        }

        return _parts[at].Text;
    }
}
