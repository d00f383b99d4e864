namespace OllamaProxy.Host.Proxy;

/// <summary>The request body on its way to Ollama: bytes pass, a reader looks. Nothing is kept, so an upload of many gigabytes takes no memory.</summary>
internal sealed class ObservedRequestBody(Stream body, ExchangeInProgress exchange) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // The first read makes Kestrel tell a waiting client to continue; when Ollama has answered already, it did not ask for the body, and neither do we.
        if (exchange is { ExpectsContinue: true, HasAnswer: true, RequestBytes: 0 })
        {
            return ValueTask.FromException<int>(new OperationCanceledException("Ollama answered without the body."));
        }

        var read = body.ReadAsync(buffer, cancellationToken);
        if (!read.IsCompletedSuccessfully)
        {
            return ObserveAsync(read, buffer);
        }

        var length = read.Result;
        exchange.ObserveRequest(buffer.Span[..length]);
        return ValueTask.FromResult(length);
    }

    private async ValueTask<int> ObserveAsync(ValueTask<int> read, Memory<byte> buffer)
    {
        var length = await read;
        exchange.ObserveRequest(buffer.Span[..length]);
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Request bodies are read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
