using System.Buffers;
using System.Text;
using Microsoft.Extensions.Primitives;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Upstream;

/// <summary>Writes the client's method, target and header lines to Ollama, with nothing added. docs/transparency.md lists the exceptions.</summary>
internal static class RequestHeadWriter
{
    private const int TypicalLength = 1024;

    /// <returns>The head, in an array of the shared pool.</returns>
    public static ArraySegment<byte> Write(HttpContext context, ExchangeInProgress exchange, HostRules rules)
    {
        var writer = new Writer(ArrayPool<byte>.Shared.Rent(TypicalLength));
        var headers = context.Request.Headers;
        writer.Add(context.Request.Method);
        writer.Add(" ");
        if (rules.Backend.AbsolutePath is { Length: > 1 } path)
        {
            // The path of OLLAMA_BACKEND_URL goes before every target.
            writer.Add(path.TrimEnd('/'));
        }

        writer.Add(OriginForm(exchange.Target));
        writer.Add(HttpProtocol.IsHttp10(context.Request.Protocol) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
        var originalHost = headers.Host is [{ } sent] ? sent : null;
        foreach (var (name, values) in headers)
        {
            if (!IsDropped(name, values, headers, exchange))
            {
                writer.AddHeader(name, Forwarded(name, values, originalHost, rules));
            }
        }

        if (exchange.Span is { } span)
        {
            writer.AddHeader("traceparent", span.Id);
            writer.AddHeader("tracestate", span.TraceStateString);
        }

        writer.Add("\r\n");
        return writer.Written;
    }

    /// <summary>Returns the target as path and query; a client may send the absolute form, which means the same (RFC 9112, section 3.2.2).</summary>
    internal static string OriginForm(string target)
    {
        if (target.StartsWith('/'))
        {
            return target;
        }

        var authority = target.IndexOf("://", StringComparison.Ordinal);
        var end = authority < 0 ? -1 : target.AsSpan(authority + 3).IndexOfAny("/?#\\");
        if (end < 0)
        {
            return "/";
        }

        // Only a slash begins the path. After a query, or after another character that parsers may take for the authority's end, a slash is data.
        var rest = target[(authority + 3 + end)..];
        return rest[0] == '/' ? rest : "/" + rest;
    }

    private static StringValues Forwarded(string name, StringValues values, string? originalHost, HostRules rules) =>
        name.Equals("Host", StringComparison.OrdinalIgnoreCase) ? new StringValues(rules.Host(originalHost)) :
        name.Equals("Origin", StringComparison.OrdinalIgnoreCase) ? rules.Origin(values, originalHost) :
        values;

    private static bool IsDropped(string name, StringValues values, IHeaderDictionary headers, ExchangeInProgress exchange) => name.Length switch
    {
        // Kestrel renames the length of a request with both Content-Length and Transfer-Encoding; only the latter counts.
        16 => headers.TransferEncoding.Count > 0 && name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase),
        // The proxy has already told the client of an inference to continue (BodyArrival).
        6 => exchange.NeedsSlot && name.Equals("Expect", StringComparison.OrdinalIgnoreCase)
            && values is [{ } only] && only.Equals("100-continue", StringComparison.OrdinalIgnoreCase),
        // The proxy's own span replaces these.
        11 => exchange.Span is not null && name.Equals("traceparent", StringComparison.OrdinalIgnoreCase),
        10 => exchange.Span is not null && name.Equals("tracestate", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    private struct Writer(byte[] buffer)
    {
        private byte[] _buffer = buffer;
        private int _length;

        public readonly ArraySegment<byte> Written => new(_buffer, 0, _length);

        public void AddHeader(string name, StringValues values)
        {
            for (var line = 0; line < values.Count; line++)
            {
                Add(name);
                Add(": ");
                var begin = _length;
                Add(values[line]);
                if (name.Length == HeaderNames.Connection.Length && name.Equals(HeaderNames.Connection, StringComparison.OrdinalIgnoreCase))
                {
                    RequestHeaderEncoding.Restore(values[line], _buffer.AsSpan(begin));
                }

                Add("\r\n");
            }
        }

        /// <summary>Encodes byte by byte, because Kestrel decoded header values byte by byte (<see cref="RequestHeaderEncoding"/>).</summary>
        public void Add(string? text)
        {
            if (text is null)
            {
                return;
            }

            if (_buffer.Length - _length < text.Length)
            {
                Grow(text.Length);
            }

            _length += Encoding.Latin1.GetBytes(text, _buffer.AsSpan(_length));
        }

        private void Grow(int more)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + more));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
    }
}
