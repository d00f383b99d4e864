using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OllamaProxy.Host.Proxy;

/// <summary>The pool of connections to Ollama: HTTP/1.1, and nothing that a client of Ollama would not do by itself.</summary>
internal sealed class OllamaConnections : IDisposable
{
    public OllamaConnections()
    {
        Invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            // HTTP_PROXY is meant for Ollama's downloads, not for the way to Ollama.
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            // Ollama hands client headers on to its cloud: no traceparent of ours.
            ActivityHeadersPropagator = null,
            // Header bytes beyond ASCII are passed on as they are.
            RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            // A client that waits for 100-continue waits as long as Ollama takes.
            Expect100ContinueTimeout = Timeout.InfiniteTimeSpan,
            ConnectTimeout = Timeout.InfiniteTimeSpan,
            ResponseDrainTimeout = TimeSpan.Zero,
#pragma warning disable CA2262 // Kilobytes are meant: an answer's headers may be as large as Go lets them be.
            MaxResponseHeadersLength = 1024,
#pragma warning restore CA2262
            ConnectCallback = ConnectAsync,
            // Above TLS, where there is any: the framing is in the plain text.
            PlaintextStreamFilter = static (context, _) => ValueTask.FromResult<Stream>(new FramingStream(context.PlaintextStream)),
        });
    }

    public HttpMessageInvoker Invoker { get; }

    /// <summary>Under this a request carries its exchange, so that the connection that is made for it is counted to it.</summary>
    public static HttpRequestOptionsKey<ExchangeInProgress> ExchangeOf { get; } = new("exchange");

    public void Dispose() => Invoker.Dispose();

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var exchange = context.InitialRequestMessage.Options.TryGetValue(ExchangeOf, out var initial) ? initial : null;
        var started = exchange?.Clock.GetTimestamp() ?? 0;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            exchange?.Connected(started);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
