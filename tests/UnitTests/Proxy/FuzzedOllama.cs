using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>
/// A server that damages its responses at random. Each response carries the token of its request in its head and throughout its body, and
/// the bytes sent for each token are kept, so that every byte a client gets can be traced.
/// </summary>
internal sealed class FuzzedOllama : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<string, Exchanged> _exchanges = new(StringComparer.Ordinal);
    private readonly int _seed;
    private int _connections;
    private int _requests;
    private int _faults;

    public FuzzedOllama(int seed)
    {
        _seed = seed;
        _listener.Start(512);
        _ = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public int Connections => _connections;

    public int Requests => _requests;

    /// <summary>The number of requests that did not arrive as a client sent them.</summary>
    public int Faults => _faults;

    public void Expect(string token) => _exchanges[token] = new Exchanged();

    /// <summary>Returns the bytes sent for a token, and forgets the token.</summary>
    public Exchanged Take(string token) => _exchanges.TryRemove(token, out var exchanged) ? exchanged : throw new InvalidOperationException(token);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptSocketAsync(), new Random(HashCode.Combine(_seed, Interlocked.Increment(ref _connections))));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(Socket socket, Random random)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            using (socket)
            {
                for (var filled = 0; ;)
                {
                    var received = await socket.ReceiveAsync(buffer.AsMemory(filled));
                    filled += received;
                    if (received == 0 || filled == buffer.Length)
                    {
                        return;
                    }

                    if (!IsWhole(buffer.AsSpan(0, filled)))
                    {
                        continue;
                    }

                    var request = Encoding.Latin1.GetString(buffer, 0, filled);
                    filled = 0;
                    Interlocked.Increment(ref _requests);
                    if (!await AnswerAsync(socket, request, random))
                    {
                        return;
                    }
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    /// <returns>False if the connection is to be closed.</returns>
    private async Task<bool> AnswerAsync(Socket socket, string request, Random random)
    {
        var parts = request.Split("\r\n\r\n", 2);
        var words = parts[0].Split(' ', 3);
        var token = words[1][3..];
        if (words[0] is not ("GET" or "HEAD" or "POST") || parts[1] != (words[0] == "POST" ? token : "") || token.Length != UpstreamFuzzTests.TokenLength)
        {
            Interlocked.Increment(ref _faults);
            return false;
        }

        if (!_exchanges.TryGetValue(token, out var exchanged))
        {
            // The client has cancelled this request.
            return false;
        }

        var (bytes, keeps) = Response(token, words[0] == "HEAD", random);
        var isDamaged = random.Next(4) > 0;
        if (isDamaged)
        {
            for (var count = random.Next(1, 4); count > 0; count--)
            {
                bytes = Damage(bytes, token, random);
            }

            keeps = random.Next(3) > 0;
        }

        exchanged.Add(bytes, isDamaged);

        // One or two segments. Damaged bytes are cut only in their head: surplus bytes that arrive after the next request was sent are its response for any
        // HTTP/1.1 client.
        var last = isDamaged ? Math.Max(0, bytes.AsSpan().IndexOf("\r\n\r\n"u8)) : bytes.Length;
        var cut = random.Next(3) == 0 ? random.Next(last + 1) : 0;
        await SendAsync(socket, bytes.AsMemory(0, cut));
        await SendAsync(socket, bytes.AsMemory(cut));
        if (isDamaged && !keeps && random.Next(2) == 0)
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        return keeps;
    }

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> request)
    {
        var end = request.IndexOf("\r\n\r\n"u8);
        return end >= 0 && (!request.StartsWith("POST"u8) || request.Length >= end + 4 + UpstreamFuzzTests.TokenLength);
    }

    private static (byte[] Bytes, bool Keeps) Response(string token, bool isHead, Random random)
    {
        var body = new StringBuilder();
        var kind = random.Next(8);
        var hasBody = !isHead && kind != 7;
        var lines = kind switch
        {
            < 3 => Length(),
            < 6 => Chunks(),
            6 => Until(),
            _ => "",
        };
        var head = $"HTTP/1.1 {(kind == 7 ? "204 No Content" : "200 OK")}\r\nX-Token: {token}\r\n{lines}\r\n";
        return (Encoding.ASCII.GetBytes(head + (hasBody ? body.ToString() : "")), kind != 6 || isHead);

        string Length()
        {
            body.Insert(0, token, random.Next(0, random.Next(2) == 0 ? 5 : 400));
            return $"Content-Length: {body.Length}\r\n";
        }

        string Chunks()
        {
            for (var count = random.Next(0, 6); count > 0; count--)
            {
                var data = new StringBuilder().Insert(0, token, random.Next(1, 40));
                body.Append(data.Length.ToString("x", CultureInfo.InvariantCulture)).Append("\r\n").Append(data).Append("\r\n");
            }

            body.Append("0\r\n").Append(random.Next(4) == 0 ? $"X-Trailer: {token}\r\n" : "").Append("\r\n");
            return "Transfer-Encoding: chunked\r\n";
        }

        string Until()
        {
            body.Insert(0, token, random.Next(1, 100));
            return "Connection: close\r\n";
        }
    }

    private static byte[] Damage(byte[] bytes, string token, Random random)
    {
        if (bytes.Length == 0)
        {
            return bytes;
        }

        // Half of the damage is in the head, where it has the most effect.
        var at = random.Next(random.Next(2) == 0 ? Math.Min(bytes.Length, 120) : bytes.Length);
        switch (random.Next(11))
        {
            case 0:
                byte[] flipped = [.. bytes];
                flipped[at] ^= (byte)(1 << random.Next(8));
                return flipped;
            case 1:
                byte[] more = new byte[random.Next(1, 9)];
                random.NextBytes(more);
                return [.. bytes[..at], .. more, .. bytes[at..]];
            case 2:
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 30))..]];
            case 3:
                return bytes[..at];
            case 4:
                var lines = Encoding.Latin1.GetString(bytes).Split("\r\n").ToList();
                var line = random.Next(lines.Count);
                lines.Insert(random.Next(lines.Count), lines[line]);
                return Encoding.Latin1.GetBytes(string.Join("\r\n", lines));
            case 5:
                return Replace("Content-Length: ", $"Content-Length: {random.Next(1, 20)}");
            case 6:
                return Replace("\r\nContent-Length", $"\r\nContent-Length: {random.Next(0, 9_000)}\r\nX");
            case 7:
                return Replace("\r\n", random.Next(2) == 0 ? "\n" : "\r");
            case 8:
                return Replace(": ", random.Next(2) == 0 ? " : " : ":\t");
            case 9:
                string[] others = ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 304 OK", "HTTP/1.1 101 OK", "HTTP/1.1 205 OK"];
                return Replace("HTTP/1.1 200 OK", others[random.Next(others.Length)]);
            default:
                // Looks like the next response.
                return [.. bytes, .. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nX-Token: {token}\r\nContent-Length: {token.Length}\r\n\r\n{token}")];
        }

        byte[] Replace(string old, string text)
        {
            var all = Encoding.Latin1.GetString(bytes);
            List<int> places = [];
            for (var place = all.IndexOf(old, StringComparison.Ordinal); place >= 0; place = all.IndexOf(old, place + 1, StringComparison.Ordinal))
            {
                places.Add(place);
            }

            var chosen = places.Count == 0 ? -1 : places[random.Next(places.Count)];
            return chosen < 0 ? bytes : Encoding.Latin1.GetBytes(all[..chosen] + text + all[(chosen + old.Length)..]);
        }
    }

    /// <summary>The responses sent for one token; more than one if the request was repeated.</summary>
    internal sealed class Exchanged
    {
        public List<byte[]> Sent { get; } = [];

        /// <summary>True if no response was damaged.</summary>
        public bool IsSound { get; private set; } = true;

        public void Add(byte[] bytes, bool isDamaged)
        {
            lock (Sent)
            {
                Sent.Add(bytes);
                IsSound &= !isDamaged;
            }
        }
    }
}
