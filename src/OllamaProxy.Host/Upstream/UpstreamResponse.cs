using System.Net;

namespace OllamaProxy.Host.Upstream;

/// <summary>
/// Ollama's response: its head, and the body as it arrives, framing included. <see cref="Data"/> locates the data, so no other code parses chunks.
/// </summary>
internal sealed class UpstreamResponse : HttpResponseMessage
{
    private readonly UpstreamPool _pool;
    private readonly UpstreamConnection _connection;
    private readonly RequestSender _sender;
    private readonly Task _sending;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenRegistration _cancelling;
    private readonly List<Range> _data = [];
    private readonly BodyFraming _framing;
    private ChunkScanner _chunks;
    private long _remaining;
    private bool _hasSurplus;
    private bool _isFinished;

    public UpstreamResponse(
        UpstreamPool pool,
        UpstreamConnection connection,
        RequestSender sender,
        Task sending,
        CancellationTokenRegistration cancelling,
        CancellationToken cancellationToken)
        : base((HttpStatusCode)connection.Head.Status)
    {
        (_pool, _connection, _sender, _sending, _cancelling, _cancellationToken) = (pool, connection, sender, sending, cancelling, cancellationToken);
        _framing = Head.Framing(sender.IsHead, out _remaining);
        IsEnded = _framing == BodyFraming.None;
        ReasonPhrase = Head.Reason;
    }

    /// <summary>Valid until the exchange is finished: then the connection parses the next head into it.</summary>
    public UpstreamHead Head => _connection.Head;

    /// <summary>True once the body ended as its framing said.</summary>
    public bool IsEnded { get; private set; }

    public bool IsChunked => _framing == BodyFraming.Chunked;

    /// <summary>The ranges of data, without framing, in the bytes of the last <see cref="ReadAsync"/>.</summary>
    public IReadOnlyList<Range> Data => _data;

    /// <summary>Completes when bytes can be read, so no buffer is needed until then.</summary>
    public ValueTask<int> WaitAsync() => _connection.WaitAsync();

    /// <summary>Reads bytes of the body with their framing.</summary>
    /// <returns>How many; 0 at the end of a body that ends with its connection.</returns>
    /// <exception cref="IOException">The connection ended before the body did.</exception>
    public ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var reading = _connection.ReadAsync(buffer);
        return reading.IsCompletedSuccessfully ? ValueTask.FromResult(Accept(buffer.Span[..reading.Result])) : AcceptAsync(reading, buffer);
    }

    /// <summary>
    /// Finishes before the client has the last bytes, if the request was sent. A client that sends its next request at once then finds the connection free.
    /// </summary>
    public void TryFinish()
    {
        if (IsEnded && _sending.IsCompletedSuccessfully)
        {
            Finish();
        }
    }

    /// <summary>Ends the exchange, and returns the connection to the pool if both sides used it correctly to the end.</summary>
    public async ValueTask FinishAsync()
    {
        if (!_isFinished && !_sending.IsCompletedSuccessfully)
        {
            await _sender.StopAsync(_sending, _connection);
        }

        Finish();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isFinished)
        {
            _connection.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Finish()
    {
        if (_isFinished)
        {
            return;
        }

        _isFinished = true;
        // This waits for a running callback. Afterwards the connection is either disposed or safe from it.
        _cancelling.Dispose();
        _sender.Release();
        if (IsEnded && !_hasSurplus && !_connection.HasSurplus && Head.KeepsConnection && _sender.KeepsConnection
            && _sending.IsCompletedSuccessfully && !_cancellationToken.IsCancellationRequested)
        {
            _pool.Return(_connection);
        }
        else
        {
            _connection.Dispose();
        }
    }

    private async ValueTask<int> AcceptAsync(ValueTask<int> reading, Memory<byte> buffer)
    {
        var received = await reading;
        return Accept(buffer.Span[..received]);
    }

    /// <summary>Applies the framing to the received bytes; returns how many of them belong to the body.</summary>
    private int Accept(ReadOnlySpan<byte> received)
    {
        _data.Clear();
        if (received.IsEmpty)
        {
            IsEnded = _framing == BodyFraming.UntilClose;
            return IsEnded ? 0 : throw new IOException("Ollama closed the connection in the middle of its response.");
        }

        var length = IsChunked ? AcceptChunks(received) : AcceptData(received.Length);
        _hasSurplus |= length < received.Length;
        return length;
    }

    private int AcceptData(int length)
    {
        if (_framing == BodyFraming.Length)
        {
            length = (int)Math.Min(_remaining, length);
            _remaining -= length;
            IsEnded = _remaining == 0;
        }

        _data.Add(..length);
        return length;
    }

    private int AcceptChunks(ReadOnlySpan<byte> received)
    {
        var at = 0;
        while (at < received.Length && !_chunks.Ended)
        {
            at += _chunks.Next(received[at..], out var data);
            if (data > 0)
            {
                _data.Add((at - data)..at);
            }
        }

        IsEnded = _chunks.Ended;
        return at;
    }
}
