using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary>A request's JSON as Go reads it: keys ignore case, the last duplicate wins, bytes after the first value are ignored.</summary>
internal sealed class Arguments(JsonElement root)
{
    private static readonly string[] s_textKeys = ["prompt", "suffix", "system", "instructions", "input", "messages"];

    private static readonly string[] s_partKeys = ["content", "text", "output"];

    public static Arguments Empty { get; } = new(default);

    public static Arguments Parse(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
        {
            throw new ApiFailure(400, "missing request body");
        }

        try
        {
            var reader = new Utf8JsonReader(body, isFinalBlock: false, default);
            if (!JsonDocument.TryParseValue(ref reader, out var document))
            {
                throw new ApiFailure(400, "unexpected EOF");
            }

            return new Arguments(document.RootElement);
        }
        catch (JsonException)
        {
            var first = (char)body[0];
            throw new ApiFailure(400, $"invalid character '{first}' looking for beginning of value");
        }
    }

    public JsonElement? Get(string name)
    {
        JsonElement? found = null;
        if (root.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in root.EnumerateObject())
            {
                if (property.Name.Equals(name, StringComparison.OrdinalIgnoreCase) && property.Value.ValueKind != JsonValueKind.Null)
                {
                    found = property.Value;
                }
            }
        }

        return found;
    }

    /// <param name="name">The key.</param>
    /// <param name="type">The Go type of the field, which error texts name.</param>
    public string Text(string name, string type = "Request") => Get(name) switch
    {
        null => "",
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { } other => throw new ApiFailure(400, $"json: cannot unmarshal {Kind(other)} into Go struct field {type}.{name} of type string"),
    };

    public bool Flag(string name, bool otherwise) => Get(name)?.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => otherwise,
    };

    public int? Integer(string name) => Get(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var value) ? value : null;

    public Arguments Object(string name) => Get(name) is { ValueKind: JsonValueKind.Object } element ? new Arguments(element) : Empty;

    public IReadOnlyList<Arguments> Objects(string name) =>
        Get(name) is { ValueKind: JsonValueKind.Array } array ? [.. array.EnumerateArray().Select(element => new Arguments(element))] : [];

    public bool Has(string name) => Get(name) is { } value && (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > 0);

    /// <summary>Characters of all text in any dialect: it replaces the prompt's token count, and equal texts get equal lengths.</summary>
    public int TextLength => s_textKeys.Sum(key => Get(key) is { } value ? LengthOf(value) : 0);

    /// <summary>The user's text: the prompt, or the content of the last user message.</summary>
    public string Question
    {
        get
        {
            var messages = Objects("messages").Concat(Objects("input"))
                .Where(message => message.Get("role") is { ValueKind: JsonValueKind.String } role && role.ValueEquals("user"));
            return TextOf(messages.LastOrDefault()?.Get("content") ?? Get("prompt") ?? Get("input"));
        }
    }

    private static string TextOf(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Array } parts => string.Concat(parts.EnumerateArray().Select(part => TextOf(new Arguments(part).Get("text")))),
        _ => "",
    };

    private static int LengthOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!.Length,
        JsonValueKind.Array => value.EnumerateArray().Sum(LengthOf),
        JsonValueKind.Object => s_partKeys.Sum(key => value.TryGetProperty(key, out var part) ? LengthOf(part) : 0),
        _ => 0,
    };

    private static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Number => "number",
        JsonValueKind.True or JsonValueKind.False => "bool",
        JsonValueKind.Array => "array",
        _ => "object",
    };
}
