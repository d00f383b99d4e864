using System.Text.Json;
using System.Text.Json.Serialization;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>A record as the API returns it (<see cref="ApiFields"/>). Durations are in seconds; unknown values are null.</summary>
/// <param name="Record">The record. Its id is null in the live feed, which does not know the number in the store.</param>
/// <param name="Models">The display spelling of its model.</param>
[JsonConverter(typeof(RecordJsonConverter))]
internal sealed record RecordJson(RequestRecord Record, ModelNames Models);

internal sealed class RecordJsonConverter : JsonConverter<RecordJson>
{
    public override RecordJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, RecordJson value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        ApiFields.Write(value.Record, value.Models, new FieldWriter(writer));
        writer.WriteEndObject();
    }

    private sealed class FieldWriter(Utf8JsonWriter json) : IFieldWriter
    {
        public void Text(RecordField field, string? value) => json.WriteString(field.Key, value);

        public void Number(RecordField field, long? value)
        {
            if (value is { } number)
            {
                json.WriteNumber(field.Key, number);
            }
            else
            {
                json.WriteNull(field.Key);
            }
        }

        public void Real(RecordField field, double? value)
        {
            if (value is { } number && double.IsFinite(number))
            {
                json.WriteNumber(field.Key, number);
            }
            else
            {
                json.WriteNull(field.Key);
            }
        }

        public void Flag(RecordField field, bool? value)
        {
            if (value is { } flag)
            {
                json.WriteBoolean(field.Key, flag);
            }
            else
            {
                json.WriteNull(field.Key);
            }
        }

        public void Duration(RecordField field, TimeSpan? value) => Real(field, value?.TotalSeconds);

        public void Time(RecordField field, DateTimeOffset value) => json.WriteString(field.Key, value);
    }
}
