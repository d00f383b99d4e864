namespace OllamaProxy.Host.Upstream;

/// <summary>
/// Sends requests for YARP's forwarder in place of HttpClient (docs/decisions/0004-own-upstream-connection.md): the request as the client wrote it, and the
/// response with its framing. It reads the response while the body is still being sent.
/// </summary>
internal sealed class UpstreamHandler(UpstreamPool pool) : HttpMessageHandler
{
    /// <summary>No correct server sends more interim responses than this.</summary>
    private const int MaxInterim = 100;

    /// <summary>
    /// Ollama closed a kept connection that ends so soon before the request reached it. Later, Ollama may have begun to work on the request.
    /// </summary>
    private static readonly TimeSpan s_staleLimit = TimeSpan.FromSeconds(1);

    /// <summary>The key of the sender in a request's options.</summary>
    public static HttpRequestOptionsKey<RequestSender> SenderOf { get; } = new("sender");

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.Options.TryGetValue(SenderOf, out var sender))
        {
            throw new InvalidOperationException("The request has no sender.");
        }

        var connection = pool.TryRent(sender.Backend) ?? await ConnectAsync(sender, cancellationToken);
        while (true)
        {
            connection.BeginExchange();
            var cancelling = cancellationToken.UnsafeRegister(static connection => ((UpstreamConnection)connection!).Dispose(), connection);
            var sending = sender.SendAsync(connection);
            try
            {
                await ReadFinalHeadAsync(connection, sender);
                return new UpstreamResponse(pool, connection, sender, sending, cancelling, cancellationToken);
            }
            catch (Exception exception)
            {
                await cancelling.DisposeAsync();
                var isStale = IsStale(connection, sender, sending);
                await sender.StopAsync(sending, connection);
                connection.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                if (sender.ClientFault is OperationCanceledException stopped)
                {
                    throw stopped;
                }

                if (!isStale || !sender.MayRepeat)
                {
                    sender.Release();
                    throw new HttpRequestException(HttpRequestError.ResponseEnded, exception.GetBaseException().Message, exception);
                }

                connection = await ReplaceAsync(sender, exception, cancellationToken);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            pool.Dispose();
        }

        base.Dispose(disposing);
    }

    private static async Task ReadFinalHeadAsync(UpstreamConnection connection, RequestSender sender)
    {
        for (var interim = 0; interim <= MaxInterim; interim++)
        {
            await connection.ReadHeadAsync();
            switch (connection.Head.Status)
            {
                case 100:
                    sender.Continue();
                    break;
                case 101:
                    // The bytes that follow would be another protocol.
                    throw new IOException("Ollama changed the protocol of the connection.");
                case >= 200:
                    return;
            }
        }

        throw new IOException("Ollama sends interim responses without end.");
    }

    private static bool IsStale(UpstreamConnection connection, RequestSender sender, Task sending) =>
        connection is { WasKept: true, HasAnswer: false }
        && (!sending.IsCompletedSuccessfully || sender.Exchange.Timings.Clock.GetElapsedTime(sender.SentAt) < s_staleLimit);

    private static async Task<UpstreamConnection> ConnectAsync(RequestSender sender, CancellationToken cancellationToken)
    {
        var began = sender.Exchange.Timings.Clock.GetTimestamp();
        var connection = await UpstreamConnection.ConnectAsync(sender.Backend, cancellationToken);
        sender.Exchange.Timings.RecordConnected(began);
        return connection;
    }

    private static async Task<UpstreamConnection> ReplaceAsync(RequestSender sender, Exception first, CancellationToken cancellationToken)
    {
        try
        {
            return await ConnectAsync(sender, cancellationToken);
        }
        catch (HttpRequestException)
        {
            // Not a connection error: Ollama may have got the request on the first connection.
            sender.Release();
            throw new HttpRequestException(HttpRequestError.ResponseEnded, first.GetBaseException().Message, first);
        }
    }
}
