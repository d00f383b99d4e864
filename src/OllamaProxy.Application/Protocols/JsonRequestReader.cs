using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The fields of a request, wherever a dialect puts them.</summary>
internal static class RequestField
{
    public const int Model = 0;

    /// <summary>The older name of <see cref="Model"/> in Ollama's own API.</summary>
    public const int Name = 1;

    public const int Prompt = 2;
    public const int System = 3;
    public const int Stream = 4;
    public const int Message = 5;
    public const int Role = 6;
    public const int Content = 7;

    /// <summary>The <c>type</c> of a content part; images are counted.</summary>
    public const int PartType = 8;

    public const int Image = 9;
    public const int Tool = 10;

    /// <summary>The input of an embedding; of several the first is kept.</summary>
    public const int Input = 11;

    /// <summary>Text for the model that is not the prompt: a suffix, a tool's result. Only its length counts.</summary>
    public const int OtherText = 12;

    public const int ContextLength = 13;
    public const int MaxTokens = 14;
    public const int Temperature = 15;
    public const int KeepAlive = 16;
    public const int KeptTokens = 17;

    /// <summary>OpenAI's newer name of <see cref="MaxTokens"/>, which Ollama ignores; so it counts only without the older one.</summary>
    public const int MaxCompletionTokens = 18;

    /// <summary>A member of a <see cref="Tool"/> that is a group of tools.</summary>
    public const int ToolMember = 19;
}

/// <summary>Reads a JSON request of any dialect: model, texts and options. The dialect's <see cref="JsonFields"/> say where they are.</summary>
internal sealed class JsonRequestReader : IRequestReader, IJsonFieldSink
{
    private readonly JsonFieldScanner _scanner;
    private readonly MessageTexts _messages = new();
    private string? _model;
    private string? _name;
    private string? _prompt;
    private string? _input;
    private string? _keepAlive;
    private bool? _stream;
    private int? _images;
    private int? _tools;
    private int? _contextLength;
    private int? _keptTokens;
    private int? _maxTokens;
    private int? _maxCompletionTokens;
    private int _toolMembers;
    private double? _temperature;
    private long? _textLength;

    /// <param name="fields">The dialect's paths, numbered by <see cref="RequestField"/>.</param>
    public JsonRequestReader(JsonFields fields) => _scanner = new JsonFieldScanner(fields, this, documents: 1);

    public string? Model => _model ?? _name;

    public void Read(ReadOnlySpan<byte> bytes) => _scanner.Read(bytes);

    public RequestFacts Complete() => new()
    {
        Model = _model ?? _name,
        Prompt = _prompt ?? (_messages.Count > 0 ? _messages.Prompt : _input),
        System = _messages.System,
        Stream = _stream,
        TextLength = _textLength,
        MessageCount = _messages.Count > 0 ? _messages.Count : null,
        ImageCount = _images,
        ToolCount = _tools,
        ContextLength = _contextLength,
        KeptTokens = _keptTokens,
        MaxTokens = _maxTokens ?? _maxCompletionTokens,
        Temperature = _temperature,
        KeepAlive = _keepAlive,
        Failure = _scanner.Documents == 0 ? ParseFailure.Malformed : null,
    };

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        switch (field)
        {
            case RequestField.Model:
                _model = Encoding.UTF8.GetString(utf8);
                return;
            case RequestField.Name:
                _name = Encoding.UTF8.GetString(utf8);
                return;
            case RequestField.Role:
                _messages.SetRole(utf8);
                return;
            case RequestField.PartType when utf8.SequenceEqual("image"u8) || utf8.SequenceEqual("image_url"u8) || utf8.SequenceEqual("input_image"u8):
                _images = (_images ?? 0) + 1;
                return;
            case RequestField.KeepAlive:
                _keepAlive = Encoding.UTF8.GetString(utf8);
                return;
            case RequestField.Prompt:
                _prompt = ByteBuffer.TextOf(utf8, length > utf8.Length);
                break;
            case RequestField.System:
                _messages.AppendSystem(utf8, length);
                break;
            case RequestField.Content:
                _messages.Append(utf8, length);
                break;
            case RequestField.Input:
                _input ??= ByteBuffer.TextOf(utf8, length > utf8.Length);
                break;
            case RequestField.OtherText:
                break;
            default:
                return;
        }

        _textLength = (_textLength ?? 0) + length;
    }

    void IJsonFieldSink.Literal(int field, ReadOnlySpan<byte> token)
    {
        switch (field)
        {
            case RequestField.Stream:
                _stream = token.SequenceEqual("true"u8) ? true : token.SequenceEqual("false"u8) ? false : _stream;
                break;
            case RequestField.ContextLength:
                _contextLength = JsonNumber.Int32(token) ?? _contextLength;
                break;
            case RequestField.KeptTokens:
                _keptTokens = JsonNumber.Int32(token) ?? _keptTokens;
                break;
            case RequestField.MaxTokens:
                _maxTokens = JsonNumber.Int32(token) ?? _maxTokens;
                break;
            case RequestField.MaxCompletionTokens:
                _maxCompletionTokens = JsonNumber.Int32(token) ?? _maxCompletionTokens;
                break;
            case RequestField.Temperature:
                _temperature = JsonNumber.Double(token) ?? _temperature;
                break;
            case RequestField.KeepAlive when !token.SequenceEqual("null"u8):
                _keepAlive = Encoding.UTF8.GetString(token);
                break;
        }
    }

    void IJsonFieldSink.Begin(int field)
    {
        switch (field)
        {
            case RequestField.Message:
                _messages.Begin();
                break;
            case RequestField.Tool:
                _toolMembers = 0;
                break;
        }
    }

    void IJsonFieldSink.End(int field)
    {
        switch (field)
        {
            case RequestField.Message:
                _messages.End();
                break;
            case RequestField.Tool:
                // Ollama passes a group's members to the model as separate tools.
                _tools = (_tools ?? 0) + Math.Max(_toolMembers, 1);
                break;
        }
    }

    void IJsonFieldSink.Present(int field)
    {
        switch (field)
        {
            case RequestField.Image:
                _images = (_images ?? 0) + 1;
                break;
            case RequestField.Tool:
                _tools = (_tools ?? 0) + 1;
                break;
            case RequestField.ToolMember:
                _toolMembers++;
                break;
        }
    }
}
