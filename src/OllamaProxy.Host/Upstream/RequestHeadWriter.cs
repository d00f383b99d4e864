using System.Buffers;
using System.Runtime.CompilerServices;
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
        var head = new DefaultInterpolatedStringHandler(0, 0, null, stackalloc char[TypicalLength]);
        var headers = context.Request.Headers;
        head.AppendLiteral(context.Request.Method);
        head.AppendLiteral(" ");
        // The path of OLLAMA_BACKEND_URL goes before every target.
        head.AppendLiteral(rules.Backend.AbsolutePath.TrimEnd('/'));
        head.AppendLiteral(OriginForm(exchange.Target));
        head.AppendLiteral(HttpProtocol.IsHttp10(context.Request.Protocol) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
        var originalHost = headers.Host is [{ } sent] ? sent : null;
        foreach (var (name, values) in headers)
        {
            if (!IsDropped(name, values, headers, exchange))
            {
                AddLines(ref head, name, Forwarded(name, values, originalHost, rules));
            }
        }

        if (exchange.Span is { } span)
        {
            AddLines(ref head, "traceparent", span.Id);
            AddLines(ref head, "tracestate", span.TraceStateString);
        }

        head.AppendLiteral("\r\n");
        // One byte a character, as Kestrel decoded them (RequestHeaderEncoding).
        var bytes = ArrayPool<byte>.Shared.Rent(head.Text.Length);
        var length = Encoding.Latin1.GetBytes(head.Text, bytes);
        head.Clear();
        return new ArraySegment<byte>(bytes, 0, length);
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

    private static void AddLines(ref DefaultInterpolatedStringHandler head, string name, StringValues values)
    {
        foreach (var value in values)
        {
            head.AppendLiteral(name);
            head.AppendLiteral(": ");
            head.AppendLiteral(RequestHeaderEncoding.Restore(value ?? ""));
            head.AppendLiteral("\r\n");
        }
    }
}
