using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>Reads the body of a request to Ollama's own API: who is asked what, with which options.</summary>
internal sealed class NativeRequestReader : IRequestReader, IJsonFieldSink
{
    private enum Field
    {
        Model,
        Name,
        Prompt,
        System,
        Stream,
        Message,
        Role,
        Content,
        MessageImage,
        Image,
        Tool,
        Input,
        InputElement,
        ContextLength,
        MaxTokens,
        Temperature,
        KeepAlive,
    }

    private static readonly JsonFields s_fields = new(
        ("model", (int)Field.Model, JsonWant.Value),
        ("name", (int)Field.Name, JsonWant.Value),
        ("prompt", (int)Field.Prompt, JsonWant.Value),
        ("system", (int)Field.System, JsonWant.Value),
        ("stream", (int)Field.Stream, JsonWant.Value),
        ("messages[]", (int)Field.Message, JsonWant.Value),
        ("messages[].role", (int)Field.Role, JsonWant.Value),
        ("messages[].content", (int)Field.Content, JsonWant.Value),
        ("messages[].images[]", (int)Field.MessageImage, JsonWant.Presence),
        ("images[]", (int)Field.Image, JsonWant.Presence),
        ("tools[]", (int)Field.Tool, JsonWant.Presence),
        ("input", (int)Field.Input, JsonWant.Value),
        ("input[]", (int)Field.InputElement, JsonWant.Value),
        ("options.num_ctx", (int)Field.ContextLength, JsonWant.Value),
        ("options.num_predict", (int)Field.MaxTokens, JsonWant.Value),
        ("options.temperature", (int)Field.Temperature, JsonWant.Value),
        ("keep_alive", (int)Field.KeepAlive, JsonWant.Value));

    private readonly JsonFieldScanner _scanner;

    /// <summary>The content of the message being read, and of the last one that ended: swapped, so that a long history costs two buffers.</summary>
    private ByteBuffer _content = new(JsonFieldScanner.MaxText);
    private ByteBuffer _lastContent = new(JsonFieldScanner.MaxText);
    private string? _model;
    private string? _name;
    private string? _prompt;
    private string? _system;
    private string? _role;
    private string? _input;
    private string? _keepAlive;
    private bool? _stream;
    private int? _messages;
    private int? _images;
    private int? _tools;
    private int? _contextLength;
    private int? _maxTokens;
    private double? _temperature;
    private long? _textLength;

    public NativeRequestReader() => _scanner = new JsonFieldScanner(s_fields, this, documents: 1);

    public void Read(ReadOnlySpan<byte> bytes) => _scanner.Read(bytes);

    public RequestFacts Complete() => new()
    {
        Model = _model ?? _name,
        Prompt = _prompt ?? (_messages is null ? _input : _lastContent.ToString()),
        System = _system,
        Stream = _stream,
        TextLength = _textLength,
        MessageCount = _messages,
        ImageCount = _images,
        ToolCount = _tools,
        ContextLength = _contextLength,
        MaxTokens = _maxTokens,
        Temperature = _temperature,
        KeepAlive = _keepAlive,
        Malformed = _scanner.Documents == 0,
    };

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length)
    {
        switch ((Field)field)
        {
            case Field.Model:
                _model = Encoding.UTF8.GetString(utf8);
                break;
            case Field.Name:
                _name = Encoding.UTF8.GetString(utf8);
                break;
            case Field.Prompt:
                _prompt = ByteBuffer.TextOf(utf8, length > utf8.Length);
                CountText(length);
                break;
            case Field.System:
                _system = ByteBuffer.TextOf(utf8, length > utf8.Length);
                CountText(length);
                break;
            case Field.Role:
                _role = Encoding.UTF8.GetString(utf8);
                break;
            case Field.Content:
                _content.Clear();
                _content.Append(utf8);
                CountText(length);
                break;
            case Field.Input:
                _input = ByteBuffer.TextOf(utf8, length > utf8.Length);
                CountText(length);
                break;
            case Field.InputElement:
                _input ??= ByteBuffer.TextOf(utf8, length > utf8.Length);
                CountText(length);
                break;
            case Field.KeepAlive:
                _keepAlive = Encoding.UTF8.GetString(utf8);
                break;
        }
    }

    void IJsonFieldSink.Literal(int field, ReadOnlySpan<byte> token)
    {
        switch ((Field)field)
        {
            case Field.Stream:
                _stream = token.SequenceEqual("true"u8) ? true : token.SequenceEqual("false"u8) ? false : _stream;
                break;
            case Field.ContextLength:
                _contextLength = JsonNumber.Int32(token) ?? _contextLength;
                break;
            case Field.MaxTokens:
                _maxTokens = JsonNumber.Int32(token) ?? _maxTokens;
                break;
            case Field.Temperature:
                _temperature = JsonNumber.Double(token) ?? _temperature;
                break;
            case Field.KeepAlive when !token.SequenceEqual("null"u8):
                _keepAlive = Encoding.UTF8.GetString(token);
                break;
        }
    }

    void IJsonFieldSink.Begin(int field)
    {
        if ((Field)field == Field.Message)
        {
            _role = null;
            _content.Clear();
        }
    }

    void IJsonFieldSink.End(int field)
    {
        if ((Field)field == Field.Message)
        {
            _messages = (_messages ?? 0) + 1;
            if (_role == "system" && _system is null)
            {
                _system = _content.ToString();
            }

            (_content, _lastContent) = (_lastContent, _content);
        }
    }

    void IJsonFieldSink.Present(int field)
    {
        switch ((Field)field)
        {
            case Field.Image or Field.MessageImage:
                _images = (_images ?? 0) + 1;
                break;
            case Field.Tool:
                _tools = (_tools ?? 0) + 1;
                break;
        }
    }

    void IJsonFieldSink.Raw(int field, ReadOnlySpan<byte> json, bool isWhole)
    {
    }

    void IJsonFieldSink.DocumentEnd()
    {
    }

    private void CountText(long length) => _textLength = (_textLength ?? 0) + length;
}
