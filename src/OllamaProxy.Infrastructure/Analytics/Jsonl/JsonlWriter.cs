using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// Writes a record as a line: one JSON object with the keys and units of the API (seconds; Unix seconds for the timestamp), so that programs that read the API
/// can read the files. Times are decimal fractions of whole microseconds, which every field survives exactly. Unknown values are left out.
/// </summary>
internal sealed class JsonlWriter(IBufferWriter<byte> output) : IFieldWriter, IDisposable
{
    private const decimal MicrosPerSecond = 1_000_000;

    /// <summary>Texts are not escaped more than they must be: people search these files with grep.</summary>
    private readonly Utf8JsonWriter _json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });

    /// <summary>How every line begins.</summary>
    public static ReadOnlySpan<byte> Beginning => "{\"id\":"u8;

    /// <summary>Writes a line with its end. Throws <see cref="ArgumentException"/> on a record without a required value, before anything is on disk.</summary>
    public void Write(RequestRecord record, long id)
    {
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber(RecordFields.Id.Key, id);
        RecordFields.Write(record, this);
        _json.WriteEndObject();
        _json.Flush();
        output.Write("\n"u8);
    }

    public void Text(RecordField field, string? value)
    {
        if (field.IsRequired)
        {
            ArgumentNullException.ThrowIfNull(value, field.Name);
        }

        if (value is not null)
        {
            _json.WriteString(field.Key, value);
        }
    }

    public void Number(RecordField field, long? value)
    {
        if (value is { } number)
        {
            _json.WriteNumber(field.Key, number);
        }
    }

    /// <summary>JSON has no infinity and no NaN: they are unknown, as in SQLite.</summary>
    public void Real(RecordField field, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            _json.WriteNumber(field.Key, number);
        }
    }

    /// <summary>What is estimated says so; a measured value does not say that it is not.</summary>
    public void Flag(RecordField field, bool? value)
    {
        if (value is { } flag && (flag || !field.IsRequired || field == RecordFields.IsInference))
        {
            _json.WriteBoolean(field.Key, flag);
        }
    }

    public void Duration(RecordField field, TimeSpan? value)
    {
        if (value is { } duration)
        {
            _json.WriteNumber(field.Key, Micros.Of(duration) / MicrosPerSecond);
        }
    }

    public void Time(RecordField field, DateTimeOffset value) => _json.WriteNumber(field.Key, Micros.Of(value) / MicrosPerSecond);

    public void Dispose() => _json.Dispose();
}
