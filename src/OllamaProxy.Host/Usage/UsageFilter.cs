using System.Buffers;
using System.Text.Json;

namespace OllamaProxy.Host.Usage;

/// <summary>
/// Removes the token counts that <see cref="UsageRequest"/> requested from an event stream: events with nothing else are dropped, and others lose their
/// <c>usage</c> member. Each event is forwarded as soon as it is complete.
/// </summary>
internal sealed class UsageFilter
{
    /// <summary>A longer event is forwarded unchanged.</summary>
    private const int MaxEvent = 1024 * 1024;

    private static readonly JsonReaderOptions s_options = new() { MaxDepth = 1_000 };

    private readonly ArrayBufferWriter<byte> _passed = new();
    private readonly ArrayBufferWriter<byte> _held = new();
    private readonly ArrayBufferWriter<byte> _json = new();
    private readonly List<Range> _cuts = [];
    private bool _isTooLong;
    private bool _hasBegun;

    /// <summary>Bytes for the client, until <see cref="Sent"/>.</summary>
    public ReadOnlyMemory<byte> Passed => _passed.WrittenMemory;

    private static ReadOnlySpan<byte> Data => "data:"u8;

    private static ReadOnlySpan<byte> ByteOrderMark => "\uFEFF"u8;

    /// <summary>Clears <see cref="Passed"/> after it was written to the client.</summary>
    public void Sent() => _passed.ResetWrittenCount();

    public void Read(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var line = data.IndexOfAny((byte)'\n', (byte)'\r');
            var length = line < 0 ? data.Length : line + 1;
            _held.Write(data[..length]);
            data = data[length..];
            var isWhole = EndsEvent(_held.WrittenSpan);
            if (isWhole && !_isTooLong)
            {
                Pass(_held.WrittenSpan);
                _held.ResetWrittenCount();
            }
            else if (isWhole || _held.WrittenCount > MaxEvent)
            {
                PassUnread();
                _isTooLong = !isWhole;
            }
        }
    }

    /// <summary>Passes the last event after the stream has ended or was cut. It may be incomplete or lack its empty line.</summary>
    public void Finish()
    {
        if (!_isTooLong)
        {
            Pass(_held.WrittenSpan);
            _held.ResetWrittenCount();
        }

        PassUnread();
    }

    private void PassUnread()
    {
        _hasBegun = true;
        _passed.Write(_held.WrittenSpan);
        _held.ResetWrittenCount();
    }

    private static bool EndsEvent(ReadOnlySpan<byte> text) => text.EndsWith("\n\n"u8) || text.EndsWith("\n\r\n"u8) || text.EndsWith("\r\r"u8);

    private void Pass(ReadOnlySpan<byte> text)
    {
        // A byte order mark at the beginning belongs to no line.
        if (!_hasBegun && text.StartsWith(ByteOrderMark))
        {
            _passed.Write(ByteOrderMark);
            text = text[ByteOrderMark.Length..];
        }

        _hasBegun = true;
        if (!MayHaveUsage(text) || !FindUsage(JsonOf(text), out var isOnlyUsage))
        {
            _passed.Write(text);
        }
        else if (isOnlyUsage)
        {
            PassWithoutData(text);
        }
        else
        {
            var from = 0;
            foreach (var cut in _cuts)
            {
                _passed.Write(text[from..cut.Start.Value]);
                from = cut.End.Value;
            }

            _passed.Write(text[from..]);
        }
    }

    /// <summary>
    /// A cheap search, because most events have no usage. JSON may escape the letters of a name: <c>\u0061</c> is a. Ollama itself writes only other escapes
    /// (<c>\u003c</c>, <c>\u003e</c>, <c>\u0026</c>).
    /// </summary>
    private static bool MayHaveUsage(ReadOnlySpan<byte> text) =>
        text.IndexOf("usage"u8) >= 0 || text.IndexOf("\\u006"u8) >= 0 || text.IndexOf("\\u007"u8) >= 0;

    /// <summary>Returns the JSON of an event at unchanged positions. Spaces replace all other bytes, so JSON on several lines is one value.</summary>
    private ReadOnlySpan<byte> JsonOf(ReadOnlySpan<byte> text)
    {
        _json.ResetWrittenCount();
        var json = _json.GetSpan(text.Length)[..text.Length];
        json.Fill((byte)' ');
        for (var at = 0; at < text.Length;)
        {
            var line = text.Slice(at, LineLength(text[at..]));
            if (line.StartsWith(Data))
            {
                line[Data.Length..].CopyTo(json[(at + Data.Length)..]);
            }

            at += line.Length;
        }

        return json;
    }

    /// <summary>Passes the other fields and comments of the event.</summary>
    private void PassWithoutData(ReadOnlySpan<byte> text)
    {
        var hasOthers = false;
        while (!text.IsEmpty)
        {
            var line = text[..LineLength(text)];
            text = text[line.Length..];
            hasOthers |= !line.StartsWith(Data) && line[0] is not ((byte)'\n' or (byte)'\r');
            if (hasOthers && !line.StartsWith(Data))
            {
                _passed.Write(line);
            }
        }
    }

    private static int LineLength(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOfAny((byte)'\n', (byte)'\r');
        return
            end < 0 ? text.Length :
            text[end..].StartsWith("\r\n"u8) ? end + 2 :
            end + 1;
    }

    /// <summary>Finds each <c>usage</c> member of the object, with one of the adjacent commas, for <see cref="_cuts"/>.</summary>
    /// <param name="json">An event's JSON.</param>
    /// <param name="isOnlyUsage">True when the event would not exist without its counts.</param>
    /// <returns>False when there is none, or the event is no JSON object.</returns>
    private bool FindUsage(ReadOnlySpan<byte> json, out bool isOnlyUsage)
    {
        _cuts.Clear();
        var reader = new Utf8JsonReader(json, s_options);
        var (hasCounts, hasNoChoices, hasError) = (false, false, false);
        // The end of the last kept member, the start of the open cut, and the end of the last member in it.
        var (kept, cut, cutEnd) = (-1, -1, -1);
        isOnlyUsage = false;
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var start = (int)reader.TokenStartIndex;
                var isUsage = reader.ValueTextEquals("usage"u8);
                var isChoices = reader.ValueTextEquals("choices"u8);
                var isError = reader.ValueTextEquals("error"u8);
                var value = ReadValue(ref reader, json, out var isEmpty);
                if (isUsage)
                {
                    hasCounts |= value == JsonTokenType.StartObject;
                    cut = cut >= 0 ? cut : kept >= 0 ? kept : start;
                    cutEnd = (int)reader.BytesConsumed;
                    continue;
                }

                if (cut >= 0)
                {
                    // A cut includes the comma before it, or the one after it at the beginning of the object.
                    _cuts.Add(cut..(kept >= 0 ? cutEnd : start));
                    cut = -1;
                }

                kept = (int)reader.BytesConsumed;
                hasNoChoices = isChoices ? isEmpty : hasNoChoices;
                hasError |= isError && !isEmpty;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false;
        }

        if (cut >= 0)
        {
            _cuts.Add(cut..cutEnd);
        }

        isOnlyUsage = hasCounts && !hasError && (hasNoChoices || kept < 0);
        return _cuts.Count > 0;
    }

    /// <summary>Moves the reader to the end of a member's value; null, [] and {} are empty.</summary>
    private static JsonTokenType ReadValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, out bool isEmpty)
    {
        reader.Read();
        var (type, inside) = (reader.TokenType, (int)reader.BytesConsumed);
        reader.Skip();
        isEmpty =
            type == JsonTokenType.Null ||
            (type is JsonTokenType.StartArray or JsonTokenType.StartObject && json[inside..((int)reader.BytesConsumed - 1)].Trim(" \t\r\n"u8).IsEmpty);
        return type;
    }
}
