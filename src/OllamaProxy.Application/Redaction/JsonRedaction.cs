using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace OllamaProxy.Application.Redaction;

/// <summary>Redacts the values of a JSON text so that it stays valid JSON: escapes are decoded first, and a redacted number becomes a string.</summary>
internal static class JsonRedaction
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Returns the redacted JSON, byte-identical when nothing was found; null when the text is not JSON.</summary>
    public static string? TryRedact(string json, Func<string, string> redact)
    {
        try
        {
            var utf8 = Encoding.UTF8.GetBytes(json);
            using var stream = new MemoryStream(utf8.Length);
            using var writer = new Utf8JsonWriter(stream, s_options);
            var changed = Copy(new Utf8JsonReader(utf8), writer, redact);
            writer.Flush();
            return changed ? Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length) : json;
        }
        // InvalidOperationException: a string with half a surrogate pair, which JSON can express and UTF-16 text cannot.
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    private static bool Copy(Utf8JsonReader reader, Utf8JsonWriter writer, Func<string, string> redact)
    {
        var changed = false;
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    writer.WriteStartObject();
                    break;
                case JsonTokenType.EndObject:
                    writer.WriteEndObject();
                    break;
                case JsonTokenType.StartArray:
                    writer.WriteStartArray();
                    break;
                case JsonTokenType.EndArray:
                    writer.WriteEndArray();
                    break;
                case JsonTokenType.PropertyName:
                    writer.WritePropertyName(Redacted(reader.GetString()!, redact, ref changed));
                    break;
                case JsonTokenType.String:
                    writer.WriteStringValue(Redacted(reader.GetString()!, redact, ref changed));
                    break;
                case JsonTokenType.Number:
                    WriteNumber(reader.ValueSpan, writer, redact, ref changed);
                    break;
                default:
                    writer.WriteRawValue(reader.ValueSpan, skipInputValidation: true);
                    break;
            }
        }

        return changed;
    }

    private static void WriteNumber(ReadOnlySpan<byte> number, Utf8JsonWriter writer, Func<string, string> redact, ref bool changed)
    {
        var text = Encoding.UTF8.GetString(number);
        var redacted = Redacted(text, redact, ref changed);
        if (redacted == text)
        {
            writer.WriteRawValue(number, skipInputValidation: true);
        }
        else
        {
            writer.WriteStringValue(redacted);
        }
    }

    private static string Redacted(string text, Func<string, string> redact, ref bool changed)
    {
        var redacted = text.Length == 0 ? text : redact(text);
        changed |= !ReferenceEquals(redacted, text) && redacted != text;
        return redacted;
    }
}
