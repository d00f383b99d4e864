using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// The text of an answer that has parts: choices, content blocks, output items. Pieces of different parts may alternate in a stream, so each part has a text
/// of its own. All of them together are bounded.
/// </summary>
internal sealed class PartTexts
{
    /// <summary>The part of a piece whose number may still follow; its text is moved as soon as the number is known.</summary>
    public const int Unknown = int.MaxValue;

    /// <summary>Text of further parts is added to the part before it.</summary>
    private const int MaxParts = 64;

    private readonly List<(int Part, ByteBuffer Text)> _parts = [];
    private int _kept;

    /// <param name="part">Which part the text belongs to.</param>
    /// <param name="utf8">The text.</param>
    /// <param name="length">Its bytes before it was cut.</param>
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

    /// <summary>The text of the <see cref="Unknown"/> part belongs to this one.</summary>
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

    /// <summary>The texts in the order of their parts; null when there was none.</summary>
    /// <param name="separator">Stands between two parts.</param>
    public string? Complete(string separator)
    {
        var texts = _parts.Where(part => part.Text.Length > 0).Select(part => part.Text.ToString()).ToArray();
        return texts.Length > 0 ? string.Join(separator, texts) : null;
    }

    private ByteBuffer TextOf(int part)
    {
        // Mostly the last part goes on.
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
