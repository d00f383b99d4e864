namespace OllamaProxy.Host.Proxy;

/// <summary>The request body on its way to Ollama: bytes pass, a reader looks. Nothing is kept, so an upload of many gigabytes takes no memory.</summary>
internal sealed class ObservedRequestBody(Stream body, ExchangeInProgress exchange) : ReadOnlyStream
{
    private Fairness _fairness;

    /// <summary>Bytes to come that were observed before they were read, while the request waited for its body (<see cref="BodyArrival"/>).</summary>
    private long _ahead = exchange.BytesAhead;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // The first read makes Kestrel tell a waiting client to continue; when Ollama has answered already, it did not ask for the body, and neither do we.
        if (exchange is { ExpectsContinue: true, HasAnswer: true, RequestBytes: 0 })
        {
            return ValueTask.FromException<int>(new OperationCanceledException("Ollama answered without the body."));
        }

        var read = body.ReadAsync(buffer, cancellationToken);
        if (!read.IsCompletedSuccessfully || exchange.DecodesRequest)
        {
            return ObserveAsync(read, buffer);
        }

        var length = Observe(buffer, read.Result);
        return _fairness.IsTurnOver(length) ? YieldAsync(length) : ValueTask.FromResult(length);
    }

    private static async ValueTask<int> YieldAsync(int length)
    {
        await Task.Yield();
        return length;
    }

    /// <summary>That a piece had to be waited for says nothing: Kestrel reads the client's next one on the thread that ends the wait.</summary>
    private async ValueTask<int> ObserveAsync(ValueTask<int> read, Memory<byte> buffer)
    {
        var length = 0;
        exchange.Upload?.BeginWait();
        try
        {
            length = await read;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            exchange.RequestFailed(exception);
            throw;
        }
        finally
        {
            exchange.Upload?.EndWait(length);
        }

        if (exchange.DecodesRequest || _fairness.IsTurnOver(length))
        {
            await Task.Yield();
        }

        return Observe(buffer, length);
    }

    private int Observe(Memory<byte> buffer, int length)
    {
        if (length > 0)
        {
            var known = (int)Math.Min(_ahead, length);
            _ahead -= known;
            if (known < length)
            {
                exchange.ObserveRequest(buffer.Span[known..length]);
            }
        }
        else if (!buffer.IsEmpty)
        {
            exchange.RequestEnded();
        }

        return length;
    }
}
