using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace OllamaProxy.Host.Upstream;

/// <summary>
/// One HTTP/1.1 connection to Ollama, used by one exchange at a time. It holds no buffer while it waits for bytes. Reads and writes take no cancellation token,
/// because each would cost a registration. <see cref="Dispose"/>, on any thread, ends those that are pending.
/// </summary>
internal sealed class UpstreamConnection : IDisposable
{
    private const int SmallBuffer = 4 * 1024;

    /// <summary>Go's own limit for the head of a response.</summary>
    private const int MaxHead = 1024 * 1024;

    /// <summary>Up to this length, copying the parts for one send costs less than a list of segments.</summary>
    private const int MaxCopied = 16 * 1024;

    private readonly Socket _socket;
    private readonly SslStream? _tls;
    private byte[] _buffer = [];
    private int _from;
    private int _to;

    private UpstreamConnection(Uri backend, Socket socket, SslStream? tls) => (Backend, _socket, _tls) = (backend, socket, tls);

    public Uri Backend { get; }

    public UpstreamHead Head { get; } = new();

    /// <summary>True once a byte of the current response has arrived.</summary>
    public bool HasAnswer { get; private set; }

    /// <summary>When the last exchange on it ended, as a timestamp of the pool's clock; null on its first exchange.</summary>
    public long? IdleSince { get; private set; }

    /// <summary>True while received bytes are unread. At the end of a response, they belong to none.</summary>
    public bool HasSurplus => _from < _to;

    /// <exception cref="HttpRequestException">No connection; <see cref="HttpRequestException.HttpRequestError"/> has the reason.</exception>
    public static async Task<UpstreamConnection> ConnectAsync(Uri backend, CancellationToken cancellationToken)
    {
        Socket? socket = null;
        SslStream? tls = null;
        try
        {
            socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(backend.IdnHost, backend.Port, cancellationToken);
            if (backend.Scheme == Uri.UriSchemeHttps)
            {
                tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = backend.IdnHost }, cancellationToken);
            }

            return new UpstreamConnection(backend, socket, tls);
        }
        catch (Exception exception)
        {
            tls?.Dispose();
            socket?.Dispose();
            if (exception is OperationCanceledException)
            {
                throw;
            }

            var error =
                tls is not null ? HttpRequestError.SecureConnectionError :
                exception is SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } ?
                    HttpRequestError.NameResolutionError :
                HttpRequestError.ConnectionError;
            throw new HttpRequestException(error, $"{exception.Message} ({backend.Authority})", exception);
        }
    }

    /// <summary>Returns false when the idle connection was closed, or has unexpected bytes, which would be taken for the next response.</summary>
    public bool IsUsable()
    {
        try
        {
            return !_socket.Poll(0, SelectMode.SelectRead);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public void EndExchange(long now) => (IdleSince, HasAnswer) = (now, false);

    /// <summary>Reads the next head, interim or final, into <see cref="Head"/>.</summary>
    /// <exception cref="IOException">The connection ended, or the bytes are no head.</exception>
    public async Task ReadHeadAsync()
    {
        // From the beginning of the head: how much was searched, and where the line begins.
        var (searched, line) = (0, 0);
        while (true)
        {
            var bytes = _buffer.AsSpan(_from.._to);
            for (int end; (end = bytes[searched..].IndexOf((byte)'\n')) >= 0; line = searched)
            {
                end += searched;
                if (end == line || bytes[end - 1] != '\r')
                {
                    throw new IOException("A line in the head of Ollama's response does not end with CR LF.");
                }

                searched = end + 1;
                if (end - 1 == line)
                {
                    Head.Parse(bytes[..searched]);
                    _from += searched;
                    return;
                }
            }

            searched = bytes.Length;
            if (bytes.IsEmpty)
            {
                ReleaseBuffer();
                await ReceiveAsync(Memory<byte>.Empty);
            }

            EnsureRoom();
            var received = await ReceiveAsync(_buffer.AsMemory(_to));
            if (received == 0)
            {
                throw new IOException("Ollama closed the connection before its response.");
            }

            _to += received;
            HasAnswer = true;
            if (!IsHttp())
            {
                throw new IOException("Ollama's response is no HTTP.");
            }
        }
    }

    /// <summary>Completes when bytes of the response, or its end, can be read.</summary>
    public ValueTask<int> WaitAsync() => HasSurplus ? ValueTask.FromResult(0) : ReceiveAsync(Memory<byte>.Empty);

    /// <summary>Reads bytes after the head.</summary>
    /// <returns>How many bytes; 0 at the end of the connection.</returns>
    public ValueTask<int> ReadAsync(Memory<byte> destination)
    {
        if (!HasSurplus)
        {
            return ReceiveAsync(destination);
        }

        var length = Math.Min(destination.Length, _to - _from);
        _buffer.AsSpan(_from, length).CopyTo(destination.Span);
        _from += length;
        if (_from == _to)
        {
            ReleaseBuffer();
        }

        return ValueTask.FromResult(length);
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> head, ReadOnlySequence<byte> body = default, ReadOnlyMemory<byte> end = default) =>
        body.IsEmpty && end.IsEmpty ? SendAsync(head) :
        head.Length + body.Length + end.Length <= MaxCopied ? SendCopiedAsync(head, body, end) :
        SendPartsAsync([head, .. body, end]);

    public void Dispose()
    {
        // The buffer is left to the garbage collector, because the exchange's own thread may still read it.
        _tls?.Dispose();
        _socket.Dispose();
    }

    private ValueTask<int> ReceiveAsync(Memory<byte> buffer) => _tls is null ? _socket.ReceiveAsync(buffer, SocketFlags.None) : _tls.ReadAsync(buffer);

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_tls is not null)
        {
            await _tls.WriteAsync(bytes);
            return;
        }

        while (!bytes.IsEmpty)
        {
            bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None)..];
        }
    }

    private async ValueTask SendCopiedAsync(ReadOnlyMemory<byte> head, ReadOnlySequence<byte> body, ReadOnlyMemory<byte> end)
    {
        var length = head.Length + (int)body.Length;
        var together = ArrayPool<byte>.Shared.Rent(length + end.Length);
        head.CopyTo(together);
        body.CopyTo(together.AsSpan(head.Length));
        end.CopyTo(together.AsMemory(length));
        try
        {
            await SendAsync(together.AsMemory(0, length + end.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(together);
        }
    }

    private async ValueTask SendPartsAsync(List<ReadOnlyMemory<byte>> parts)
    {
        parts.RemoveAll(static part => part.IsEmpty);
        if (_tls is null)
        {
            await _socket.SendAsync(parts.ConvertAll(static part => MemoryMarshal.TryGetArray(part, out var array) ? array : part.ToArray()), SocketFlags.None);
            return;
        }

        foreach (var part in parts)
        {
            await _tls.WriteAsync(part);
        }
    }

    private bool IsHttp()
    {
        var begin = _buffer.AsSpan(_from.._to);
        var known = "HTTP/1."u8;
        return begin.Length >= known.Length ? begin.StartsWith(known) : known.StartsWith(begin);
    }

    private void EnsureRoom()
    {
        if (_to < _buffer.Length)
        {
            return;
        }

        var length = _to - _from;
        if (length >= MaxHead)
        {
            throw new IOException("The head of Ollama's response is over 1 MiB.");
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(SmallBuffer, length * 2));
        _buffer.AsSpan(_from, length).CopyTo(larger);
        ReleaseBuffer();
        (_buffer, _to) = (larger, length);
    }

    private void ReleaseBuffer()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _from, _to) = ([], 0, 0);
    }
}
