using System.Text;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads the <c>model</c> and <c>prompt</c> fields of a multipart form (RFC 7578) as it passes. Files of any size are skipped; only a field's head and value
/// are buffered, both bounded.
/// </summary>
internal sealed class FormRequestReader : IRequestReader
{
    private const int MaxLine = 4 * 1024;

    private enum State : byte
    {
        Preamble,
        AfterDelimiter,
        Head,
        Body,
        Ended,
    }

    private readonly byte[] _delimiter;
    private readonly ByteBuffer _line = new(MaxLine);
    private readonly ByteBuffer _value = new(JsonFieldScanner.MaxText);
    private State _state;
    private int _matched = 2; // The first delimiter has no line break before it.
    private string? _field;
    private string? _model;
    private string? _prompt;

    private FormRequestReader(string boundary) => _delimiter = Encoding.Latin1.GetBytes("\r\n--" + boundary);

    /// <summary>Creates a reader for a form; null when the media type is not a form or has no boundary.</summary>
    public static FormRequestReader? For(string? contentType)
    {
        if (contentType is null || !contentType.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var boundary = Parameter(contentType, "boundary");
        return boundary is { Length: > 0 and <= 70 } ? new FormRequestReader(boundary) : null;
    }

    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && _state != State.Ended)
        {
            bytes = bytes[Step(bytes)..];
        }
    }

    public RequestFacts Complete() => new()
    {
        Model = _model,
        Prompt = _prompt,
        TextLength = _prompt is null ? null : Encoding.UTF8.GetByteCount(_prompt),
        Failure = _state == State.Preamble ? ParseFailure.Malformed : null,
    };

    private int Step(ReadOnlySpan<byte> bytes) => _state is State.Preamble or State.Body ? PassBody(bytes) : ReadLine(bytes);

    /// <summary>Reads up to the next delimiter, and keeps a field of interest.</summary>
    private int PassBody(ReadOnlySpan<byte> bytes)
    {
        if (_matched == 0)
        {
            var start = bytes.IndexOf((byte)'\r');
            var length = start < 0 ? bytes.Length : start;
            Keep(bytes[..length]);
            if (length > 0)
            {
                return length;
            }
        }

        if (bytes[0] == _delimiter[_matched])
        {
            if (++_matched == _delimiter.Length)
            {
                EndField();
                _matched = 0;
                _line.Clear();
                _state = State.AfterDelimiter;
            }

            return 1;
        }

        // A carriage return occurs only at the start of the delimiter, so the matched bytes contain no other start; this byte may be one.
        Keep(_delimiter.AsSpan(0, _matched));
        _matched = 0;
        return 0;
    }

    private int ReadLine(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)'\n');
        _line.Append(end < 0 ? bytes : bytes[..end]);
        if (end < 0)
        {
            return bytes.Length;
        }

        EndLine(Encoding.UTF8.GetString(_line.Span).TrimEnd('\r'));
        _line.Clear();
        return end + 1;
    }

    private void EndLine(string line)
    {
        if (_state == State.AfterDelimiter)
        {
            _state = line.StartsWith("--", StringComparison.Ordinal) ? State.Ended : State.Head;
        }
        else if (line.Length == 0)
        {
            _state = State.Body;
        }
        else if (line.StartsWith("Content-Disposition:", StringComparison.OrdinalIgnoreCase))
        {
            _field = Parameter(line, "name");
        }
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_field is "model" or "prompt")
        {
            _value.Append(bytes);
        }
    }

    private void EndField()
    {
        switch (_field)
        {
            case "model":
                _model = _value.ToString();
                break;
            case "prompt":
                _prompt = _value.ToString();
                break;
        }

        _field = null;
        _value.Clear();
    }

    /// <summary>A parameter of a header value, without quotes.</summary>
    private static string? Parameter(string header, string name)
    {
        foreach (var part in header.Split(';').Skip(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && part.AsSpan(0, equals).Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return part[(equals + 1)..].Trim().Trim('"');
            }
        }

        return null;
    }
}
