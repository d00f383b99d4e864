using System.Buffers;
using System.Text.Json;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Takes the token counts that <see cref="UsageRequest"/> asked for out of a stream of events again: the event that holds nothing else, and the
/// <c>usage</c> of every other one. Events are passed on as they are complete.
/// </summary>
internal sealed class UsageFilter
{
    /// <summary>An event longer than this passes as it is.</summary>
    private const int MaxEvent = 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _passed = new();
    private readonly ArrayBufferWriter<byte> _held = new();

    /// <summary>What goes to the client and has not been <see cref="Sent"/>.</summary>
    public ReadOnlyMemory<byte> Passed => _passed.WrittenMemory;

    /// <summary><see cref="Passed"/> is with the client.</summary>
    public void Sent() => _passed.ResetWrittenCount();

    /// <summary>Takes the next data of the stream.</summary>
    public void Read(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var line = data.IndexOf((byte)'\n');
            var length = line < 0 ? data.Length : line + 1;
            _held.Write(data[..length]);
            data = data[length..];
            if (EndsEvent(_held.WrittenSpan))
            {
                Pass(_held.WrittenSpan);
                _held.ResetWrittenCount();
            }
            else if (_held.WrittenCount > MaxEvent)
            {
                _passed.Write(_held.WrittenSpan);
                _held.ResetWrittenCount();
            }
        }
    }

    /// <summary>The stream has ended or was cut: half an event belongs to the client as well.</summary>
    public void Finish()
    {
        _passed.Write(_held.WrittenSpan);
        _held.ResetWrittenCount();
    }

    private static bool EndsEvent(ReadOnlySpan<byte> text) => text.EndsWith("\n\n"u8) || text.EndsWith("\n\r\n"u8);

    private void Pass(ReadOnlySpan<byte> text)
    {
        var start = text.IndexOf((byte)'{');
        if (!text.StartsWith("data:"u8) || start < 0)
        {
            _passed.Write(text);
            return;
        }

        var (isOnlyUsage, usage) = FindUsage(text[start..]);
        if (isOnlyUsage)
        {
            return;
        }

        var (from, to) = (usage.Start.GetOffset(text.Length) + start, usage.End.GetOffset(text.Length) + start);
        _passed.Write(text[..from]);
        _passed.Write(text[to..]);
    }

    /// <summary>Whether the event has no choices besides its usage, and where its <c>usage</c> member stands, a comma included; an empty range when it has none.</summary>
    private static (bool IsOnlyUsage, Range Usage) FindUsage(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        var (hasNoChoices, hasCounts, usage) = (false, false, 0..0);
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var start = (int)reader.TokenStartIndex;
                var isUsage = reader.ValueTextEquals("usage"u8);
                var isChoices = reader.ValueTextEquals("choices"u8);
                reader.Read();
                if (isChoices && reader.TokenType == JsonTokenType.StartArray)
                {
                    reader.Read();
                    hasNoChoices = reader.TokenType == JsonTokenType.EndArray;
                    SkipArray(ref reader);
                    continue;
                }

                hasCounts |= isUsage && reader.TokenType == JsonTokenType.StartObject;
                reader.Skip();
                if (isUsage)
                {
                    usage = WithComma(json, start, (int)reader.BytesConsumed);
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return (false, 0..0);
        }

        return (hasNoChoices && hasCounts, usage);
    }

    /// <summary>From the first element of an array, or its end, to its end.</summary>
    private static void SkipArray(ref Utf8JsonReader reader)
    {
        while (reader.TokenType != JsonTokenType.EndArray)
        {
            reader.Skip();
            reader.Read();
        }
    }

    private static Range WithComma(ReadOnlySpan<byte> json, int start, int end) =>
        start > 0 && json[start - 1] == ',' ? (start - 1)..end :
        end < json.Length && json[end] == ',' ? start..(end + 1) :
        start..end;
}
