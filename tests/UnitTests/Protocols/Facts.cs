using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>Reads bodies as the proxy does.</summary>
internal static class Facts
{
    public static ResponseFacts Of(ApiEndpoint endpoint, string body) => Of(endpoint, [Encoding.UTF8.GetBytes(body)], MediaTypeOf(endpoint, body));

    /// <summary>Reads the body whole, byte by byte, event by event, and cut in two at every byte.</summary>
    public static IEnumerable<ResponseFacts> EveryWay(ApiEndpoint endpoint, string body)
    {
        var (bytes, type) = (Encoding.UTF8.GetBytes(body), MediaTypeOf(endpoint, body));
        yield return Of(endpoint, [bytes], type);
        yield return Of(endpoint, bytes.Select(value => new[] { value }), type);
        yield return Of(endpoint, body.Replace("\n\n", "\n\n\0", StringComparison.Ordinal).Split('\0').Select(Encoding.UTF8.GetBytes), type);
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            yield return Of(endpoint, [bytes[..cut], bytes[cut..]], type);
        }
    }

    public static RequestFacts OfRequest(ApiEndpoint endpoint, IEnumerable<byte[]> pieces, string? contentType = null)
    {
        var reader = WireProtocols.Of(endpoint).CreateRequestReader(endpoint, contentType)!;
        foreach (var piece in pieces)
        {
            reader.Read(piece);
        }

        return reader.Complete();
    }

    private static ResponseFacts Of(ApiEndpoint endpoint, IEnumerable<byte[]> pieces, string mediaType)
    {
        var reader = WireProtocols.Of(endpoint).CreateResponseReader(endpoint, new ResponseHead(200, mediaType, StartedTimestamp: 0))!;
        foreach (var piece in pieces)
        {
            reader.Read(piece, timestamp: 0);
        }

        return reader.Complete(TimeProvider.System, ended: true);
    }

    private static string MediaTypeOf(ApiEndpoint endpoint, string body) =>
        endpoint.Dialect == ApiDialect.Native ? (body.Contains('\n', StringComparison.Ordinal) ? "application/x-ndjson" : "application/json") :
        body.StartsWith('{') ? "application/json" :
        "text/event-stream";
}
