using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using OllamaProxy.Domain;
using Field = OllamaProxy.Infrastructure.Analytics.Jsonl.JsonlField;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// One line as it stands in a buffer: where each value is, decoded only when asked for, because a search looks at very few values of very many lines. Used
/// for one line after the other.
/// </summary>
internal sealed class JsonlLine
{
    private readonly (int Start, int Length)[] _values = new (int, int)[JsonlFormat.FieldCount];
    private byte[] _buffer = [];
    private char[] _chars = new char[1_024];

    public long Id { get; private set; }

    /// <summary>Microseconds since the Unix epoch.</summary>
    public long Time { get; private set; }

    /// <summary>The line in the buffer, without its end.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(Start, Length);

    public bool HasText => Has(Field.Prompt) || Has(Field.System) || Has(Field.Response) || Has(Field.Thinking) || Has(Field.ToolCalls);

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

            // Reading on finds what stands behind the object.
            if (reader.TokenType != JsonTokenType.EndObject || reader.Read())
            {
                return false;
            }
        }
        catch (JsonException)
        {
            return false;
        }

        if (Int64(Field.Id) is not { } id || Micros(Field.Timestamp) is not { } time)
        {
            return false;
        }

        (Id, Time) = (id, time);
        return true;
    }

    public bool Has(Field field) => _values[(int)field].Length > 0;

    public bool Is(Field field, ReadOnlySpan<byte> utf8)
    {
        var raw = Raw(field);
        return raw.Length >= 2 && raw[0] == '"' &&
            (raw.Contains((byte)'\\') ? Encoding.UTF8.GetBytes(Text(field) ?? "").AsSpan().SequenceEqual(utf8) : raw[1..^1].SequenceEqual(utf8));
    }

    public bool Contains(Field field, string search) => Chars(field).Contains(search, StringComparison.OrdinalIgnoreCase);

    /// <summary>A text until the next call; empty when there is none.</summary>
    public ReadOnlySpan<char> Chars(Field field)
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

    public string? Text(Field field) => Has(field) && _buffer[_values[(int)field].Start] == '"' ? Chars(field).ToString() : null;

    public bool? Flag(Field field) => Raw(field) is { Length: > 0 } raw ? raw[0] == 't' : null;

    public long? Int64(Field field) => Utf8Parser.TryParse(Raw(field), out long value, out var used) && used == Raw(field).Length ? value : null;

    public int? Int32(Field field) => Int64(field) is >= int.MinValue and <= int.MaxValue and { } value ? (int)value : null;

    public double? Double(Field field) => Utf8Parser.TryParse(Raw(field), out double value, out _) ? value : null;

    /// <summary>Seconds as whole microseconds; further digits are cut.</summary>
    public long? Micros(Field field)
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

    public RequestRecord ToRecord() => new()
    {
        Id = Id,
        Timestamp = JsonlFormat.Instant(Time),
        RequestId = Text(Field.RequestId) ?? "",
        Model = Text(Field.Model),
        Endpoint = Text(Field.Endpoint) ?? "",
        Method = Text(Field.Method) ?? "",
        Category = Text(Field.Category) ?? "",
        Status = Text(Field.Status) ?? "",
        Outcome = Text(Field.Outcome) ?? "",
        StatusCode = Int32(Field.StatusCode),
        IsInference = Flag(Field.IsInference) ?? false,
        // Earlier versions recorded what the request said, often nothing; a first token was only ever measured in a stream.
        Stream = Flag(Field.Stream) ?? (Has(Field.TimeToFirstToken) ? true : null),
        Latency = Duration(Field.Latency) ?? TimeSpan.Zero,
        TimeToFirstToken = Duration(Field.TimeToFirstToken),
        TimeToHeaders = Duration(Field.TimeToHeaders),
        MeanGap = Duration(Field.MeanGap),
        LongestGap = Duration(Field.LongestGap),
        InputTokens = Int32(Field.InputTokens),
        CachedInputTokens = Int32(Field.CachedInputTokens),
        OutputTokens = Int32(Field.OutputTokens),
        TokensEstimated = Flag(Field.TokensEstimated) ?? false,
        TokensPerSecond = Double(Field.TokensPerSecond),
        SpeedEstimated = Flag(Field.SpeedEstimated) ?? false,
        PromptTokensPerSecond = Double(Field.PromptTokensPerSecond),
        TotalDuration = Duration(Field.TotalDuration),
        LoadDuration = Duration(Field.LoadDuration),
        LoadCause = Text(Field.LoadCause),
        PromptEvalDuration = Duration(Field.PromptEvalDuration),
        EvalDuration = Duration(Field.EvalDuration),
        QueueTime = Duration(Field.QueueTime),
        ConnectTime = Duration(Field.ConnectTime),
        EngineWait = Duration(Field.EngineWait),
        DecodeTime = Duration(Field.DecodeTime),
        BackPressure = Duration(Field.BackPressure),
        FinishReason = Text(Field.FinishReason),
        ErrorType = Text(Field.ErrorType),
        Error = Text(Field.Error),
        Truncation = Text(Field.Truncation),
        ClientIp = Text(Field.ClientIp),
        Application = Text(Field.Application),
        Proxy = Text(Field.Proxy),
        Backend = Text(Field.Backend),
        UserAgent = Text(Field.UserAgent),
        Target = Text(Field.Target),
        RequestBytes = Int64(Field.RequestBytes) ?? 0,
        ResponseBytes = Int64(Field.ResponseBytes) ?? 0,
        MessageCount = Int32(Field.MessageCount),
        ImageCount = Int32(Field.ImageCount),
        ToolCount = Int32(Field.ToolCount),
        ToolCallCount = Int32(Field.ToolCallCount),
        ContextLength = Int32(Field.ContextLength),
        MaxTokens = Int32(Field.MaxTokens),
        Temperature = Double(Field.Temperature),
        KeepAlive = Text(Field.KeepAlive),
        Prompt = Text(Field.Prompt),
        System = Text(Field.System),
        Response = Text(Field.Response),
        Thinking = Text(Field.Thinking),
        ToolCalls = Text(Field.ToolCalls),
    };

    /// <summary>
    /// The field of a key, -1 for an unknown one. Keys stand in the order of the fields, some left out: the next is nearly always soon found.
    /// </summary>
    private static int Find(ref Utf8JsonReader reader, ref int expected)
    {
        for (var step = 0; step < JsonlFormat.FieldCount; step++)
        {
            var field = (expected + step) % JsonlFormat.FieldCount;
            if (reader.ValueTextEquals(JsonlFormat.Key(field)))
            {
                expected = field + 1;
                return field;
            }
        }

        return -1;
    }

    private TimeSpan? Duration(Field field) => Micros(field) is { } micros ? JsonlFormat.Duration(micros) : null;

    private ReadOnlySpan<byte> Raw(Field field)
    {
        var (start, length) = _values[(int)field];
        return _buffer.AsSpan(start, length);
    }
}
