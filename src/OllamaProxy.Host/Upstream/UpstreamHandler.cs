namespace OllamaProxy.Host.Upstream;

/// <summary>
/// Sends one request for YARP's forwarder in place of HttpClient (docs/decisions/0004-own-upstream-connection.md): the request as the client wrote it, and the
/// response with its framing. It reads the response while the body is still being sent.
/// </summary>
internal sealed class UpstreamHandler(UpstreamPool pool, RequestSender sender) : HttpMessageHandler
{
    /// <summary>No correct server sends more interim responses than this.</summary>
    private const int MaxInterim = 100;

    /// <summary>
    /// Ollama closed a kept connection that ends so soon before the request reached it. Later, Ollama may have begun to work on the request.
    /// </summary>
    private static readonly TimeSpan s_staleLimit = TimeSpan.FromSeconds(1);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var connection = pool.TryRent(sender.Backend) ?? await ConnectAsync(cancellationToken);
        while (true)
        {
            var cancelling = cancellationToken.UnsafeRegister(static connection => ((UpstreamConnection)connection!).Dispose(), connection);
            var sending = sender.SendAsync(connection);
            try
            {
                await connection.ReadHeadAsync();
                for (var interim = 1; connection.Head.Status < StatusCodes.Status200OK; interim++)
                {
                    PassInterim(connection.Head.Status, interim);
                    await connection.ReadHeadAsync();
                }

                return new UpstreamResponse(pool, connection, sender, sending, cancelling) { ReasonPhrase = connection.Head.Reason };
            }
            catch (Exception exception)
            {
                await cancelling.DisposeAsync();
                var isStale = IsStale(connection, sending);
                await sender.StopAsync(sending, connection);
                cancellationToken.ThrowIfCancellationRequested();
                if (sender.ClientFault is OperationCanceledException stopped)
                {
                    throw stopped;
                }

                if (!isStale || !sender.MayRepeat || await TryConnectAsync(cancellationToken) is not { } replacement)
                {
                    sender.Release();
                    // No connection error, even if Ollama cannot be reached now: it may have got the request.
                    throw new HttpRequestException(HttpRequestError.ResponseEnded, exception.GetBaseException().Message, exception);
                }

                connection = replacement;
            }
        }
    }

    private void PassInterim(int status, int count)
    {
        // The bytes after a 101 would be another protocol.
        if (status == StatusCodes.Status101SwitchingProtocols || count > MaxInterim)
        {
            throw new IOException("Ollama changed the protocol of the connection, or sends interim responses without end.");
        }

        if (status == StatusCodes.Status100Continue)
        {
            sender.Continue();
        }
    }

    private bool IsStale(UpstreamConnection connection, Task sending) =>
        connection is { IdleSince: not null, HasAnswer: false }
        && (!sending.IsCompletedSuccessfully || sender.Timings.Clock.GetElapsedTime(sender.Timings.WholeSince) < s_staleLimit);

    private async Task<UpstreamConnection?> TryConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ConnectAsync(cancellationToken);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private async Task<UpstreamConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var began = sender.Timings.Clock.GetTimestamp();
        var connection = await UpstreamConnection.ConnectAsync(sender.Backend, cancellationToken);
        sender.Timings.RecordConnected(began);
        return connection;
    }
}
