using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// One line in a buffer: the position of each value, which is decoded on demand, because a search looks at very few values of very many lines. Reused for one
/// line after the other.
/// </summary>
internal sealed class JsonlLine : IFieldReader
{
    private static readonly byte[][] s_keys = [.. RecordFields.All.Select(field => field.Key.EncodedUtf8Bytes.ToArray())];

    private readonly (int Start, int Length)[] _values = new (int, int)[s_keys.Length];
    private byte[] _buffer = [];
    private char[] _chars = new char[1_024];

    public long Id { get; private set; }

    /// <summary>Microseconds since the Unix epoch.</summary>
    public long Time { get; private set; }

    /// <summary>The line in the buffer, without its end.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(Start, Length);

    public bool HasText => RecordFields.Texts.Any(Has);

    private int Start { get; set; }

    private int Length { get; set; }

    /// <summary>False when the line is no record: torn, or damaged.</summary>
    public bool Read(byte[] buffer, int start, int length)
    {
        (_buffer, Start, Length) = (buffer, start, length);
        Array.Clear(_values);
        try
        {
            var reader = new Utf8JsonReader(buffer.AsSpan(start, length));
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            var expected = 0;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var field = Find(ref reader, ref expected);
                reader.Read();
                var valueStart = start + (int)reader.TokenStartIndex;
                reader.Skip();
                if (field >= 0 && reader.TokenType != JsonTokenType.Null)
                {
                    _values[field] = (valueStart, start + (int)reader.BytesConsumed - valueStart);
                }
            }

            // Reads on to find bytes behind the object.
            if (reader.TokenType != JsonTokenType.EndObject || reader.Read())
            {
                return false;
            }
        }
        catch (JsonException)
        {
            return false;
        }

        if (Number(RecordFields.Id) is not { } id || MicrosOf(RecordFields.Timestamp) is not { } time)
        {
            return false;
        }

        (Id, Time) = (id, time);
        return true;
    }

    public bool Has(RecordField field) => _values[field.Index].Length > 0;

    public bool Is(RecordField field, ReadOnlySpan<byte> utf8)
    {
        var raw = Raw(field);
        return raw.Length >= 2 && raw[0] == '"' &&
            (raw.Contains((byte)'\\') ? Encoding.UTF8.GetBytes(Text(field) ?? "").AsSpan().SequenceEqual(utf8) : raw[1..^1].SequenceEqual(utf8));
    }

    public bool Contains(RecordField field, string search) => Chars(field).Contains(search, StringComparison.OrdinalIgnoreCase);

    /// <summary>A text until the next call; empty when there is none.</summary>
    public ReadOnlySpan<char> Chars(RecordField field)
    {
        var raw = Raw(field);
        if (raw.Length < 2 || raw[0] != '"')
        {
            return default;
        }

        if (_chars.Length < raw.Length)
        {
            _chars = new char[raw.Length * 2];
        }

        if (!raw.Contains((byte)'\\'))
        {
            return _chars.AsSpan(0, Encoding.UTF8.GetChars(raw[1..^1], _chars));
        }

        try
        {
            var reader = new Utf8JsonReader(raw);
            reader.Read();
            return _chars.AsSpan(0, reader.CopyString(_chars));
        }
        // Half a surrogate pair, which only a foreign program writes.
        catch (Exception exception) when (exception is InvalidOperationException or JsonException)
        {
            return default;
        }
    }

    public string? Text(RecordField field) => Has(field) && _buffer[_values[field.Index].Start] == '"' ? Chars(field).ToString() : null;

    /// <summary>Earlier versions recorded as <c>stream</c> what the request said, often nothing; only a stream had a first token.</summary>
    public bool? Flag(RecordField field) => Raw(field) is { Length: > 0 } raw ? raw[0] == (byte)'t'
        : field == RecordFields.Stream && Has(RecordFields.TimeToFirstToken) ? true
        : null;

    public long? Number(RecordField field) => Utf8Parser.TryParse(Raw(field), out long value, out var used) && used == Raw(field).Length ? value : null;

    public double? Real(RecordField field) => Utf8Parser.TryParse(Raw(field), out double value, out _) ? value : null;

    /// <summary>Seconds as whole microseconds; further digits are cut.</summary>
    public long? MicrosOf(RecordField field)
    {
        var raw = Raw(field);
        if (raw.IsEmpty)
        {
            return null;
        }

        var negative = raw[0] == '-';
        var (value, decimals) = (0L, -1);
        foreach (var digit in raw[(negative ? 1 : 0)..])
        {
            if (digit == '.')
            {
                decimals = 0;
            }
            else if (digit is < (byte)'0' or > (byte)'9' || value > long.MaxValue / 100)
            {
                // Exponents, which only a foreign program writes.
                return Utf8Parser.TryParse(raw, out decimal seconds, out _, 'e') && Math.Abs(seconds) < 1e12m ? (long)(seconds * 1_000_000) : null;
            }
            else if (decimals < 6)
            {
                value = (value * 10) + (digit - '0');
                decimals += decimals < 0 ? 0 : 1;
            }
        }

        for (var missing = 6 - Math.Max(decimals, 0); missing > 0; missing--)
        {
            value *= 10;
        }

        return negative ? -value : value;
    }

    public TimeSpan? Duration(RecordField field) => MicrosOf(field) is { } micros ? Micros.Duration(micros) : null;

    DateTimeOffset IFieldReader.Time(RecordField field) => Micros.Instant(Time);

    public RequestRecord ToRecord() => RecordFields.Read(this);

    /// <summary>
    /// The field of a key, -1 for an unknown one. Keys are in the order of the fields without the unknown ones, so the next is nearly always found soon.
    /// </summary>
    private static int Find(ref Utf8JsonReader reader, ref int expected)
    {
        for (var step = 0; step < s_keys.Length; step++)
        {
            var field = (expected + step) % s_keys.Length;
            if (reader.ValueTextEquals(s_keys[field]))
            {
                expected = field + 1;
                return field;
            }
        }

        return -1;
    }

    private ReadOnlySpan<byte> Raw(RecordField field)
    {
        var (start, length) = _values[field.Index];
        return _buffer.AsSpan(start, length);
    }
}
