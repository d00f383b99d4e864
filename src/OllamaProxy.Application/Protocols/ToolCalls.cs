using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text;
using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>The tool calls of an answer as one JSON array of <c>{"name","arguments"}</c>, bounded; dialects send the arguments as an object, as a text, or in pieces.</summary>
internal sealed class ToolCalls
{
    private readonly ByteBuffer _array = new(JsonFieldScanner.MaxText);
    private readonly ByteBuffer _arguments = new(JsonFieldScanner.MaxText);
    private string? _name;

    /// <summary>Calls begun; more may have been counted than are kept.</summary>
    public int Count { get; private set; }

    /// <summary>A call begins; the one before it is whole.</summary>
    public void Open(string name)
    {
        Close();
        _name = name;
        Count++;
    }

    /// <summary>The JSON text of the open call's arguments, or the next piece of it.</summary>
    public void Append(ReadOnlySpan<byte> json) => _arguments.Append(json);

    /// <summary>Forgets what came of the open call's arguments: a whole one follows.</summary>
    public void ClearArguments() => _arguments.Clear();

    /// <summary>The array; null when there was no call.</summary>
    public string? Complete()
    {
        Close();
        return _array.Count > 0 ? _array + "]" : null;
    }

    private void Close()
    {
        if (_name is not { } name)
        {
            return;
        }

        var encoded = JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes;
        var arguments = Arguments();
        _name = null;
        _arguments.Clear();
        // What does not fit whole is counted, not kept.
        if (_array.Count + encoded.Length + arguments.Length + 32 <= JsonFieldScanner.MaxText)
        {
            _array.Append(_array.Count == 0 ? "["u8 : ","u8);
            _array.Append("{\"name\":\""u8);
            _array.Append(encoded);
            _array.Append("\",\"arguments\":"u8);
            _array.Append(arguments);
            _array.Append("}"u8);
        }
    }

    /// <summary>A copy, as one JSON value: what is cut becomes null, for half a value would spoil the array, and what is no JSON a text.</summary>
    private byte[] Arguments()
    {
        if (_arguments.Length > _arguments.Count)
        {
            return "null"u8.ToArray();
        }

        var span = _arguments.Span;
        return
            span.IsEmpty ? "{}"u8.ToArray() :
            IsJson(span) ? span.ToArray() :
            Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(Encoding.UTF8.GetString(span), JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");
    }

    private static bool IsJson(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text);
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
