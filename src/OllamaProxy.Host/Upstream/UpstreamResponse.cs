using System.Net;

namespace OllamaProxy.Host.Upstream;

/// <summary>
/// Ollama's response: its head, and the body as it arrives, framing included. <see cref="Data"/> locates the data, so no other code parses chunks.
/// </summary>
internal sealed class UpstreamResponse(
    UpstreamPool pool, UpstreamConnection connection, RequestSender sender, Task sending, CancellationTokenRegistration cancelling)
    : HttpResponseMessage((HttpStatusCode)connection.Head.Status)
{
    private readonly BodyFraming _framing = connection.Head.Framing(sender.IsHead);
    private ChunkScanner _chunks;
    private long _remaining = connection.Head.Length;
    private bool _hasEnded;
    private bool _hasSurplus;
    private bool _isFinished;

    /// <summary>Valid until the exchange is finished: then the connection parses the next head into it.</summary>
    public UpstreamHead Head => connection.Head;

    /// <summary>True once the body ended as its framing said.</summary>
    public bool IsEnded => _hasEnded || _framing == BodyFraming.None;

    public bool IsChunked => _framing == BodyFraming.Chunked;

    /// <summary>The ranges of data, without framing, in the bytes of the last <see cref="ReadAsync"/>. A list, so a token costs no enumerator.</summary>
    public List<Range> Data { get; } = [];

    /// <summary>Completes when bytes can be read, so no buffer is needed until then.</summary>
    public ValueTask<int> WaitAsync() => connection.WaitAsync();

    /// <summary>Reads bytes of the body with their framing.</summary>
    /// <returns>How many; 0 at the end of a body that ends with its connection.</returns>
    /// <exception cref="IOException">The connection ended before the body did.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var received = await connection.ReadAsync(buffer);
        return Accept(buffer.Span[..received]);
    }

    /// <summary>
    /// Finishes before the client has the last bytes, if the request was sent. A client that sends its next request at once then finds the connection free.
    /// </summary>
    public void TryFinish()
    {
        if (IsEnded && sending.IsCompletedSuccessfully)
        {
            Finish();
        }
    }

    /// <summary>Ends the exchange, and returns the connection to the pool if both sides used it correctly to the end.</summary>
    public async ValueTask FinishAsync()
    {
        var isStopped = !_isFinished && !sending.IsCompletedSuccessfully;
        if (isStopped)
        {
            await sender.StopAsync(sending, connection);
        }

        Finish(isStopped);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isFinished)
        {
            connection.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <param name="isStopped">True when the connection was closed to end the sending, even if the sender had just finished.</param>
    private void Finish(bool isStopped = false)
    {
        if (_isFinished)
        {
            return;
        }

        _isFinished = true;
        // This waits for a running callback. Afterwards the connection is either disposed or safe from it.
        cancelling.Dispose();
        sender.Release();
        if (!isStopped && IsEnded && !_hasSurplus && !connection.HasSurplus && Head.KeepsConnection && sender.KeepsConnection
            && sending.IsCompletedSuccessfully && !cancelling.Token.IsCancellationRequested)
        {
            pool.Return(connection);
        }
        else
        {
            connection.Dispose();
        }
    }

    /// <summary>Applies the framing to the received bytes; returns how many of them belong to the body.</summary>
    private int Accept(ReadOnlySpan<byte> received)
    {
        Data.Clear();
        if (received.IsEmpty)
        {
            _hasEnded = _framing == BodyFraming.UntilClose;
            return _hasEnded ? 0 : throw new IOException("Ollama closed the connection in the middle of its response.");
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
            _hasEnded = _remaining == 0;
        }

        Data.Add(..length);
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
                Data.Add((at - data)..at);
            }
        }

        _hasEnded = _chunks.Ended;
        return at;
    }
}
