using System.Buffers;
using System.Globalization;
using System.Text;

namespace OllamaProxy.Host.Upstream;

/// <summary>How the end of a response's body is recognized (RFC 9112, section 6.3).</summary>
internal enum BodyFraming : byte
{
    None,
    Length,
    Chunked,
    UntilClose,
}

/// <summary>
/// The head of a response, parsed to the letter of RFC 9112. This one parser decides which headers the client gets and where the body ends. It rejects a head
/// with two possible readings, or one client could get a part of another's response.
/// </summary>
internal sealed class UpstreamHead
{
    private const int VersionLength = 9;
    private const int StatusLength = 3;

    private static readonly SearchValues<byte> s_token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    /// <summary>No value has these bytes: the controls except the tab (RFC 9110, section 5.5).</summary>
    private static readonly SearchValues<byte> s_controls =
        SearchValues.Create([.. Enumerable.Range(0, 32).Where(static value => value != '\t').Select(static value => (byte)value), 127]);

    private bool _hasLength;
    private bool _isHttp10;
    private bool _closes;

    public int Status { get; private set; }

    public string Reason { get; private set; } = "";

    /// <summary>Names and values, as they came and in their order.</summary>
    public List<KeyValuePair<string, string>> Lines { get; } = new(8);

    public bool IsChunked { get; private set; }

    /// <summary>True when the connection may carry another request after the body. Chunks together with a length are a sign of smuggling.</summary>
    public bool KeepsConnection => !_closes && !_isHttp10 && !(IsChunked && _hasLength);

    /// <summary>The length of the body in bytes, if the head has one.</summary>
    public long Length { get; private set; }

    /// <summary>How the body ends. The response to a HEAD request has none.</summary>
    public BodyFraming Framing(bool isHead) =>
        isHead || Status is 204 or 304 ? BodyFraming.None :
        IsChunked ? BodyFraming.Chunked :
        !_hasLength ? BodyFraming.UntilClose :
        Length == 0 ? BodyFraming.None :
        BodyFraming.Length;

    /// <param name="head">The whole head with its empty line; every line ends with CR LF.</param>
    /// <exception cref="IOException">The head is invalid.</exception>
    public void Parse(ReadOnlySpan<byte> head)
    {
        Lines.Clear();
        (_hasLength, Length, IsChunked, _closes) = (false, 0, false, false);
        ParseStatusLine(NextLine(ref head));
        for (var line = NextLine(ref head); !line.IsEmpty; line = NextLine(ref head))
        {
            ParseHeader(line);
        }

        Require(!(_isHttp10 && IsChunked));
    }

    private static ReadOnlySpan<byte> NextLine(ref ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf((byte)'\n');
        var line = rest[..(end - 1)];
        rest = rest[(end + 1)..];
        Require(!line.ContainsAny(s_controls));
        return line;
    }

    private void ParseStatusLine(ReadOnlySpan<byte> line)
    {
        _isHttp10 = line.StartsWith("HTTP/1.0 "u8);
        Require((_isHttp10 || line.StartsWith("HTTP/1.1 "u8)) && line.Length >= VersionLength + StatusLength);
        var digits = line.Slice(VersionLength, StatusLength);
        Require(!digits.ContainsAnyExceptInRange((byte)'0', (byte)'9') && digits[0] != '0');
        Status = ((digits[0] - '0') * 100) + ((digits[1] - '0') * 10) + (digits[2] - '0');
        // Servers without a reason may omit the blank before it.
        var rest = line[(VersionLength + StatusLength)..];
        Require(rest.IsEmpty || rest[0] == ' ');
        Reason = rest.SequenceEqual(" OK"u8) ? "OK" : rest.IsEmpty ? "" : Encoding.Latin1.GetString(rest[1..]);
    }

    private void ParseHeader(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        // This also rejects a blank before the colon or at the beginning of the line.
        Require(colon > 0 && !line[..colon].ContainsAnyExcept(s_token));
        var name = line[..colon];
        var value = line[(colon + 1)..].Trim(" \t"u8);
        if (Ascii.EqualsIgnoreCase(name, "Content-Length"u8))
        {
            Require(!_hasLength && value.Length is > 0 and < 19 && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9'));
            _hasLength = true;
            Length = long.Parse(value, CultureInfo.InvariantCulture);
        }
        else if (Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8))
        {
            Require(!IsChunked && Ascii.EqualsIgnoreCase(value, "chunked"u8));
            IsChunked = true;
        }
        else if (Ascii.EqualsIgnoreCase(name, "Connection"u8))
        {
            foreach (var option in value.Split((byte)','))
            {
                _closes |= Ascii.EqualsIgnoreCase(value[option].Trim(" \t"u8), "close"u8);
            }
        }

        Lines.Add(new(Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
    }

    private static void Require(bool isClear)
    {
        if (!isClear)
        {
            throw new IOException("Ollama's response is not valid HTTP/1.1, or does not say clearly where its body ends.");
        }
    }
}
