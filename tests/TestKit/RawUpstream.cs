using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OllamaProxy.TestKit;

/// <summary>
/// An upstream that answers each request with exact bytes at exact times, and keeps the bytes of each request. It parses just enough HTTP to find where
/// a request ends.
/// </summary>
internal sealed class RawUpstream : IAsyncDisposable
{
    /// <summary>Answers a request on a connection.</summary>
    /// <param name="connection">The connection, to write to.</param>
    /// <param name="request">The request's bytes, head and framed body.</param>
    /// <returns>False to close the connection.</returns>
    public delegate Task<bool> Answer(NetworkStream connection, byte[] request);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Answer _answer;
    private readonly Task _accepting;
    private readonly List<byte[]> _requests = [];
    private int _connections;
    private readonly TaskCompletionSource _disconnected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RawUpstream(Answer answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public int Port => Address.Port;

    /// <summary>True to answer once the head of the request has arrived, without its body.</summary>
    public bool AnswersAtTheHead { get; init; }

    /// <summary>False for an upstream that never sends <c>100 Continue</c>.</summary>
    public bool SendsContinue { get; init; } = true;

    /// <summary>The number of accepted connections.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Completes when a peer has closed its connection.</summary>
    public Task Disconnected => _disconnected.Task;

    public IReadOnlyList<byte[]> Requests
    {
        get
        {
            lock (_requests)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>Answers every request with these segments, one write each, after their pauses; then keeps or closes the connection.</summary>
    public static Answer Replay(IReadOnlyList<(TimeSpan At, byte[] Bytes)> pieces, bool close) => async (connection, _) =>
    {
        var last = TimeSpan.Zero;
        foreach (var (at, bytes) in pieces)
        {
            if (at > last)
            {
                await Task.Delay(at - last);
                last = at;
            }

            await connection.WriteAsync(bytes);
        }

        return !close;
    };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> serving = [];
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                client.NoDelay = true;
                Interlocked.Increment(ref _connections);
                serving.Add(ServeAsync(client));
            }
        }
        catch (OperationCanceledException)
        {
        }

        await Task.WhenAll(serving);
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            try
            {
                while (await RawHttp.ReadRequestAsync(stream, AnswersAtTheHead, _stop.Token, SendsContinue) is { Length: > 0 } request)
                {
                    lock (_requests)
                    {
                        _requests.Add(request);
                    }

                    if (!await _answer(stream, request))
                    {
                        client.Client.Shutdown(SocketShutdown.Send);
                        return;
                    }
                }

                _disconnected.TrySetResult();
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
            {
                _disconnected.TrySetResult();
            }
        }
    }
}

/// <summary>Sends requests and reads responses as bytes on a socket.</summary>
internal static class RawHttp
{
    /// <summary>Reads one request, head and framed body; empty if the peer closed.</summary>
    public static async Task<byte[]> ReadRequestAsync(NetworkStream stream, bool headOnly, CancellationToken cancellationToken, bool sendsContinue = true)
    {
        using var received = new MemoryStream();
        var buffer = new byte[64 * 1024];
        var told = false;
        while (!IsRequestWhole(received.ToArray()))
        {
            if (!told && Encoding.Latin1.GetString(received.ToArray()) is var head && head.Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                if (headOnly)
                {
                    break;
                }

                told = true;
                if (sendsContinue && head.Contains("100-continue", StringComparison.OrdinalIgnoreCase))
                {
                    await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), cancellationToken);
                }
            }

            var read = await stream.ReadAsync(buffer, cancellationToken);
            if (read == 0)
            {
                return [];
            }

            received.Write(buffer, 0, read);
        }

        return received.ToArray();
    }

    /// <summary>Sends bytes on a new connection, and reads the response until it is complete or the peer closes.</summary>
    public static Task<RawAnswer> SendAsync(int port, byte[] request, bool isHead) => SendAsync(new IPEndPoint(IPAddress.Loopback, port), request, isHead);

    /// <summary>The same to any address of this machine.</summary>
    public static Task<RawAnswer> SendAsync(IPEndPoint to, byte[] request, bool isHead) => SendAsync(to, [request], isHead);

    /// <summary>Sends segments, one write each, and reads the response meanwhile.</summary>
    public static Task<RawAnswer> SendAsync(int port, IReadOnlyList<byte[]> pieces) =>
        SendAsync(new IPEndPoint(IPAddress.Loopback, port), pieces, isHead: false);

    private static async Task<RawAnswer> SendAsync(IPEndPoint to, IReadOnlyList<byte[]> pieces, bool isHead)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(to);
        var stream = client.GetStream();
        var writing = WriteAsync(stream, pieces);
        // The request line may span several segments.
        var begin = Encoding.Latin1.GetString([.. pieces.SelectMany(static piece => piece).Take(64 * 1024)]);
        var answer = await ReadAnswerAsync(client, begin.Split("\r\n")[0], isHead);
        client.Close();
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return answer;
    }

    /// <summary>Reads a response until it is complete or the peer closes.</summary>
    public static async Task<RawAnswer> ReadAnswerAsync(TcpClient client, string requestLine, bool isHead = false)
    {
        var stream = client.GetStream();
        // HTTP/1.0 responses end with the connection, whatever their headers say.
        var isHttp10 = requestLine.EndsWith("HTTP/1.0", StringComparison.Ordinal);
        using var limit = new CancellationTokenSource(Patience.Limit);
        using var received = new MemoryStream();
        var buffer = new byte[64 * 1024];
        var ending = RawEnd.TimedOut;
        try
        {
            while (true)
            {
                var read = await stream.ReadAsync(buffer, limit.Token);
                if (read == 0)
                {
                    ending = RawEnd.Closed;
                    break;
                }

                received.Write(buffer, 0, read);
                if (!isHttp10 && IsAnswerWhole(WithoutInterim(received.ToArray()), isHead))
                {
                    ending = RawEnd.KeptOpen;
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (IOException)
        {
            ending = RawEnd.Reset;
        }

        return new RawAnswer(received.ToArray(), ending);
    }

    private static async Task WriteAsync(NetworkStream stream, IReadOnlyList<byte[]> pieces)
    {
        foreach (var piece in pieces)
        {
            await stream.WriteAsync(piece);
        }
    }

    /// <summary>The response without a preceding <c>100 Continue</c>.</summary>
    public static byte[] WithoutInterim(byte[] answer)
    {
        while (answer.AsSpan().StartsWith("HTTP/1.1 100"u8))
        {
            var end = answer.AsSpan().IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                break;
            }

            answer = answer[(end + 4)..];
        }

        return answer;
    }

    private static bool IsRequestWhole(byte[] bytes)
    {
        if (bytes.AsSpan().IndexOf("\r\n\r\n"u8) < 0)
        {
            return false;
        }

        var message = HttpMessage.Parse(bytes);
        return message.IsWhole;
    }

    private static bool IsAnswerWhole(byte[] bytes, bool isHead)
    {
        if (bytes.AsSpan().IndexOf("\r\n\r\n"u8) < 0)
        {
            return false;
        }

        var message = HttpMessage.Parse(bytes, hasBody: false);
        message = isHead || message.Status is 204 or 304 ? message : HttpMessage.Parse(bytes);
        var closes = message.Header("Connection") is { } connection && connection.Contains("close", StringComparison.OrdinalIgnoreCase);
        var isDelimited = message.IsChunked || message.Header("Content-Length") is not null || isHead || message.Status is 204 or 304;
        return isDelimited && message.IsWhole && !closes;
    }
}

/// <summary>The state of a connection after a response.</summary>
internal enum RawEnd
{
    KeptOpen,
    Closed,
    Reset,
    TimedOut,
}

/// <param name="Bytes">All received bytes.</param>
/// <param name="End">How the connection ended.</param>
internal sealed record RawAnswer(byte[] Bytes, RawEnd End);
