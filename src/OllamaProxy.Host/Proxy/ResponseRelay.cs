using System.Buffers;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Primitives;
using OllamaProxy.Host.Threading;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Relays Ollama's response to the client: one read, one write, one flush. A chunked body keeps its framing, because Kestrel passes bytes on unchanged when a
/// Transfer-Encoding is already set.
/// </summary>
internal sealed class ResponseRelay
{
    private const int BufferSize = 16 * 1024;

    private readonly HttpContext _context;
    private readonly UpstreamResponse _response;
    private readonly ExchangeInProgress _exchange;
    private readonly Stream _client;

    /// <summary>HTTP/1.0 clients get the data without the framing.</summary>
    private readonly bool _isUnframed;
    private Fairness _fairness;

    private ResponseRelay(HttpContext context, UpstreamResponse response, ExchangeInProgress exchange)
    {
        (_context, _response, _exchange, _client) = (context, response, exchange, context.Response.Body);
        _isUnframed = response.IsChunked && HttpProtocol.IsHttp10(context.Request.Protocol);
    }

    /// <summary>Kestrel accepts no body with a 205, even if Ollama sends one.</summary>
    private bool HasBody => !_response.IsEnded && _response.Head.Status != StatusCodes.Status205ResetContent;

    public static Task<RelayEnd> RunAsync(HttpContext context, UpstreamResponse response, ExchangeInProgress exchange, CancellationToken cancellationToken)
    {
        var relay = new ResponseRelay(context, response, exchange);
        relay.CopyHead();
        return relay.HasBody ? relay.CopyBodyAsync(cancellationToken) : Task.FromResult(RelayEnd.Whole);
    }

    private void CopyHead()
    {
        var (head, headers) = (_response.Head, _context.Response.Headers);
        foreach (var (name, value) in head.Lines)
        {
            headers[name] = headers.TryGetValue(name, out var before) ? StringValues.Concat(before, value) : value;
        }

        var isHttp10 = HttpProtocol.IsHttp10(_context.Request.Protocol);
        if (isHttp10 || !_response.IsChunked || !HasBody)
        {
            // HTTP/1.0 has no chunks: the body ends with the connection. Without a body, Kestrel rejects a Transfer-Encoding.
            headers.TransferEncoding = StringValues.Empty;
        }

        if (head.IsChunked || head.Status is 204 or 205)
        {
            // Chunks outrank a length, and both together may not be forwarded (RFC 9112, section 6.3). A 204 or 205 has no body to announce (RFC 9110).
            headers.ContentLength = null;
        }

        if (isHttp10 && headers.Connection.Count == 0)
        {
            // Kestrel would announce the close that HTTP/1.0 implies. It writes no line for a value of null.
            headers.Connection = new StringValues([null]);
        }

        _exchange.ObserveHead(head.Status, headers);
    }

    private async Task<RelayEnd> CopyBodyAsync(CancellationToken cancellationToken)
    {
        var buffer = Array.Empty<byte>();
        var read = 0;
        try
        {
            while (true)
            {
                try
                {
                    // After a read that filled the buffer, more bytes are there. Otherwise the stream waits without a buffer.
                    if (read == 0 || read < buffer.Length)
                    {
                        Return(ref buffer);
                        var waiting = _response.WaitAsync();
                        if (!waiting.IsCompleted && !_context.Response.HasStarted)
                        {
                            // The head arrived alone, so it is sent alone.
                            await _context.Response.StartAsync(cancellationToken);
                            await _client.FlushAsync(cancellationToken);
                        }

                        await waiting;
                        buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
                    }

                    read = await _response.ReadAsync(buffer);
                }
                catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or ObjectDisposedException)
                {
                    // A client that disconnects also ends the connection to Ollama.
                    _context.RequestAborted.ThrowIfCancellationRequested();
                    await CutAsync();
                    return cancellationToken.IsCancellationRequested ? RelayEnd.CutByProxy : RelayEnd.CutByUpstream;
                }

                // Bytes that arrive after the client disconnected are ignored: a terminator among them completes nothing.
                cancellationToken.ThrowIfCancellationRequested();
                if (read > 0)
                {
                    await PassOnAsync(buffer.AsMemory(0, read), cancellationToken);
                }

                if (_response.IsEnded)
                {
                    // A client that closes now has the whole response.
                    return RelayEnd.Whole;
                }

                if (_fairness.IsTurnOver(read))
                {
                    await Task.Yield();
                }
            }
        }
        // The client disconnected, or the proxy stops.
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            return RelayEnd.CutByClient;
        }
        finally
        {
            Return(ref buffer);
        }
    }

    private static void Return(ref byte[] buffer)
    {
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
    }

    /// <summary>Writes before it observes, so readers cannot delay the client. Arrival is noted first: a slow client must not look like a slow model.</summary>
    private async ValueTask PassOnAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var arrived = _exchange.Timings.Clock.GetTimestamp();
        if (_response.IsEnded)
        {
            _exchange.ReturnSlot();
            _response.TryFinish();
        }

        var write = _isUnframed ? WriteDataAsync(bytes, cancellationToken) : _client.WriteAsync(bytes, cancellationToken);
        if (write.IsCompleted)
        {
            await write;
        }
        else
        {
            await WaitForClientAsync(write);
        }

        if (_exchange.Observation.DecodesResponse)
        {
            await Task.Yield();
        }

        foreach (var run in _response.Data)
        {
            _exchange.ObserveResponse(bytes.Span[run], arrived);
        }
    }

    private async ValueTask WaitForClientAsync(ValueTask write)
    {
        var since = _exchange.Timings.Clock.GetTimestamp();
        _exchange.Timings.BeginClientWait();
        try
        {
            await write;
        }
        finally
        {
            _exchange.Timings.EndClientWait(since);
        }
    }

    private async ValueTask WriteDataAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        foreach (var run in _response.Data)
        {
            await _client.WriteAsync(bytes[run], cancellationToken);
        }
    }

    /// <summary>Closes the client's connection in the middle of the response, in order as Ollama would: a reset could overtake the bytes before it.</summary>
    private async Task CutAsync()
    {
        if (!_context.Response.HasStarted)
        {
            await _context.Response.StartAsync(CancellationToken.None);
        }

        _context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
    }
}
