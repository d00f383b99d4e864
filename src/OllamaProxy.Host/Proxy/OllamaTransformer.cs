using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using OllamaProxy.Application.Protocols;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Makes the request to Ollama out of the client's, and the client's answer out of Ollama's: header by header as they came, nothing added.
/// YARP's own copying drops hop-by-hop headers and adds forwarding headers, which is right for a gateway and wrong for one that must not be noticed.
/// </summary>
internal sealed class OllamaTransformer(ExchangeInProgress exchange, HostRules rules) : HttpTransformer
{
    private static readonly UriCreationOptions s_asSent = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public override ValueTask TransformRequestAsync(HttpContext context, HttpRequestMessage request, string destinationPrefix, CancellationToken cancellationToken)
    {
        var isHttp10 = HttpProtocol.IsHttp10(context.Request.Protocol);
        request.Options.Set(OllamaConnections.ExchangeOf, exchange);
        request.Version = isHttp10 ? HttpVersion.Version10 : HttpVersion.Version11;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.RequestUri = new Uri(destinationPrefix + OriginForm(exchange.Target), s_asSent);
        var originalHost = context.Request.Headers.Host is [{ } sent] ? sent : null;
        var mark =
            (isHttp10 && originalHost is null ? RequestHeadMark.WithoutHost : 0)
            | (context.Request.Method == HttpMethods.Head ? RequestHeadMark.IsHead : 0);
        if (context.Request.Method.AsSpan().ContainsAnyInRange('a', 'z'))
        {
            // To Ollama "post" is another method than "POST", and none it knows.
            mark |= RequestHeadMark.HasStrangeNames;
            request.Method = new HttpMethod(RequestHead.NameOfMethod(context.Request.Method));
        }

        foreach (var (name, values) in context.Request.Headers)
        {
            // Kestrel's own invention for a request with both Content-Length and Transfer-Encoding, of which only the latter counts.
            if (name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase) && context.Request.Headers.TransferEncoding.Count > 0)
            {
                continue;
            }

            // The proxy told this client to continue (BodyArrival); HttpClient would wait for Ollama to say it again, and some servers never do.
            if (exchange.NeedsSlot && name.Equals("Expect", StringComparison.OrdinalIgnoreCase) && IsContinue(values))
            {
                continue;
            }

            // Ours stands in their place.
            if (exchange.Span is not null && (name.Equals("traceparent", StringComparison.OrdinalIgnoreCase) || name.Equals("tracestate", StringComparison.OrdinalIgnoreCase)))
            {
                continue;
            }

            var forwarded =
                name.Equals("Host", StringComparison.OrdinalIgnoreCase) ? new StringValues(rules.Host(originalHost)) :
                name.Equals("Origin", StringComparison.OrdinalIgnoreCase) ? rules.Origin(values, originalHost) :
                values;
            if (forwarded.Count > 0)
            {
                Add(context, request, name, forwarded[0]);
            }

            for (var line = 1; line < forwarded.Count; line++)
            {
                mark |= RequestHeadMark.HasStrangeNames;
                Add(context, request, RequestHead.NameOfRepeat(name, line), forwarded[line]);
            }
        }

        if (exchange.Span is { } span)
        {
            Add(context, request, "traceparent", span.Id);
            if (span.TraceStateString is { } state)
            {
                Add(context, request, "tracestate", state);
            }
        }

        mark |= LacksLength(context, request) ? RequestHeadMark.WithoutLength : 0;
        if (mark != RequestHeadMark.None)
        {
            request.Headers.TryAddWithoutValidation(RequestHead.MarkName, RequestHead.ValueOf(mark));
        }

        return ValueTask.CompletedTask;
    }

    private static bool IsContinue(StringValues expectation) => expectation is [{ } only] && only.Equals("100-continue", StringComparison.OrdinalIgnoreCase);

    private static void Add(HttpContext context, HttpRequestMessage request, string name, string? value)
    {
        if (request.Headers.TryAddWithoutValidation(name, value))
        {
            return;
        }

        if (request.Content is { } content)
        {
            content.Headers.TryAddWithoutValidation(name, value);
        }
        else
        {
            // A content header on a request without a body: YARP has an empty content of its own for it, and accepts no other.
            RequestTransform.AddHeader(new RequestTransformContext { HttpContext = context, ProxyRequest = request }, name, value);
        }
    }

    /// <summary>True when the client sent no Content-Length and HttpClient would add one: with an empty content, and with none where the method usually has one.</summary>
    private static bool LacksLength(HttpContext context, HttpRequestMessage request)
    {
        if (context.Request.ContentLength is not null || context.Request.Headers.TransferEncoding.Count > 0)
        {
            return false;
        }

        return request.Content is not null || request.Method.Method is not ("GET" or "HEAD" or "OPTIONS" or "DELETE");
    }

    /// <summary>Returns false: the body is relayed here, and YARP has nothing more to do.</summary>
    public override async ValueTask<bool> TransformResponseAsync(HttpContext context, HttpResponseMessage? response, CancellationToken cancellationToken)
    {
        if (response is null)
        {
            return false;
        }

        var isHttp10 = HttpProtocol.IsHttp10(context.Request.Protocol);
        var headers = context.Response.Headers;
        foreach (var (name, values) in response.Headers.NonValidated)
        {
            // HTTP/1.0 has no chunks: there the body is relayed without its framing, and ends with the connection. Where no body follows, our server does
            // not let a coding of it be announced.
            if (!((isHttp10 || !ResponseRelay.HasBody(context)) && name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)))
            {
                headers[name] = ToStringValues(values);
            }
        }

        foreach (var (name, values) in response.Content.Headers.NonValidated)
        {
            headers[name] = ToStringValues(values);
        }

        if (response.Headers.TransferEncodingChunked == true || context.Response.StatusCode is 204 or 205)
        {
            // RFC 9112, section 6.3: chunks outrank a length, and both together may not be forwarded. A 204 or 205 has no body to announce (RFC 9110).
            headers.ContentLength = null;
        }

        if (isHttp10 && headers.Connection.Count == 0)
        {
            // Kestrel would announce the close that HTTP/1.0 implies; a value of null is written as no line at all.
            headers.Connection = new StringValues([null]);
        }

        if (exchange.UsageFilter is not null)
        {
            var isPlain = BodyDecoder.EncodingsOf(headers.ContentEncoding).Length == 0;
            if (isPlain && new ResponseHead((int)response.StatusCode, headers.ContentType, 0).IsEventStream)
            {
                // What is taken out makes it shorter than announced.
                headers.ContentLength = null;
            }
            else
            {
                exchange.UsageFilter = null;
            }
        }

        exchange.ObserveHead((int)response.StatusCode, headers.ContentType, headers.ContentEncoding);
        await new ResponseRelay(context, response, exchange).RunAsync(cancellationToken);
        return false;
    }

    /// <summary>The target as path and query: a client may send the absolute form, which says the same (RFC 9112, section 3.2.2).</summary>
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

        // Only a slash begins the path: after a query, or what some parser takes for the authority's end, a slash is data.
        var rest = target[(authority + 3 + end)..];
        return rest[0] == '/' ? rest : "/" + rest;
    }

    private static StringValues ToStringValues(System.Net.Http.Headers.HeaderStringValues values) =>
        values.Count == 1 ? new StringValues(values.ToString()) : new StringValues([.. values]);
}
