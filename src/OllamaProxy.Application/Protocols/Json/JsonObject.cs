using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>Writes one small JSON object; like Ollama's, its text stays readable.</summary>
internal static class JsonObject
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write<TState>(TState state, Action<Utf8JsonWriter, TState> members)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, s_options))
        {
            json.WriteStartObject();
            members(json, state);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
