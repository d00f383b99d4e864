using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;

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
        request.Version = isHttp10 ? HttpVersion.Version10 : HttpVersion.Version11;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.RequestUri = new Uri(destinationPrefix + OriginForm(exchange.Target), s_asSent);
        var originalHost = context.Request.Headers.Host is [{ } sent] ? sent : null;
        var withoutLength = false;
        foreach (var (name, values) in context.Request.Headers)
        {
            // Kestrel's own invention for a request with both Content-Length and Transfer-Encoding, of which only the latter counts.
            if (name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase) && context.Request.Headers.TransferEncoding.Count > 0)
            {
                continue;
            }

            var forwarded =
                name.Equals("Host", StringComparison.OrdinalIgnoreCase) ? new StringValues(rules.Host(originalHost)) :
                name.Equals("Origin", StringComparison.OrdinalIgnoreCase) ? rules.Origin(values, originalHost) :
                values;
            if (forwarded.Count > 0 && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)forwarded))
            {
                if (request.Content is null)
                {
                    request.Content = RequestHead.NoBody();
                    withoutLength = context.Request.ContentLength is null;
                }

                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)forwarded);
            }
        }

        var withoutHost = isHttp10 && originalHost is null;
        if (withoutLength || withoutHost)
        {
            request.Headers.TryAddWithoutValidation(
                RequestHead.MarkName, withoutLength && withoutHost ? RequestHead.WithoutBoth : withoutLength ? RequestHead.WithoutLength : RequestHead.WithoutHost);
        }

        return ValueTask.CompletedTask;
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
            // HTTP/1.0 has no chunks: there the body is relayed without its framing, and ends with the connection.
            if (!(isHttp10 && name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)))
            {
                headers.Append(name, ToStringValues(values));
            }
        }

        foreach (var (name, values) in response.Content.Headers.NonValidated)
        {
            headers.Append(name, ToStringValues(values));
        }

        exchange.ObserveHead((int)response.StatusCode, headers.ContentType);
        await new ResponseRelay(context, response, exchange).RunAsync(cancellationToken);
        return false;
    }

    /// <summary>The target as path and query: a client may send the absolute form, which says the same (RFC 9112, section 3.2.2).</summary>
    private static string OriginForm(string target)
    {
        if (target.StartsWith('/'))
        {
            return target;
        }

        var authority = target.IndexOf("://", StringComparison.Ordinal);
        var path = authority < 0 ? -1 : target.IndexOf('/', authority + 3);
        return path < 0 ? "/" : target[path..];
    }

    private static StringValues ToStringValues(System.Net.Http.Headers.HeaderStringValues values) =>
        values.Count == 1 ? new StringValues(values.ToString()) : new StringValues([.. values]);
}
