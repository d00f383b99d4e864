using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>Damaged responses on pooled connections: no byte of one exchange ends up in another.</summary>
public sealed class UpstreamFuzzTests
{
    public const int TokenLength = 17;

    private const int Workers = 64;
    private const int Seed = 18;

    /// <summary>How long an exchange may hang. A truncated response on a connection that stays open never ends.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(50);

#pragma warning disable RS0030 // The test's own setting for its duration.
    private static int Count => Environment.GetEnvironmentVariable("RUN_SLOW_TESTS") == "1" ? 1_000_000 : 20_000;
#pragma warning restore RS0030

    [Fact]
    public async Task No_byte_of_a_damaged_response_ends_up_in_another_exchange()
    {
        using var ollama = new FuzzedOllama(Seed);
        using var pool = new UpstreamPool(TimeProvider.System);
        var (next, whole, cut, refused, cancelled, reused) = (0, 0, 0, 0, 0, 0);
        var faults = new ConcurrentQueue<string>();

        await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
        {
            for (int number; (number = Interlocked.Increment(ref next)) <= Count;)
            {
                var token = "T" + Mix((ulong)number).ToString("x16", CultureInfo.InvariantCulture);
                ollama.Expect(token);
                var end = await ExchangeAsync(ollama, pool, token, number, faults);
                Interlocked.Increment(
                    ref end == RelayEnd.Whole ? ref whole :
                    ref end == RelayEnd.CutByUpstream ? ref cut :
                    ref end == RelayEnd.NoAnswer ? ref refused : ref cancelled);
            }
        }, TestContext.Current.CancellationToken)));

        reused = ollama.Requests - ollama.Connections;
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{Count} exchanges: {whole} whole, {cut} cut, {refused} refused, {cancelled} cancelled; "
            + $"{ollama.Requests} requests on {ollama.Connections} connections; {faults.Count} faults");
        Assert.Empty(faults.Take(5));
        Assert.Equal(0, ollama.Faults);
        // Without these responses the test would prove nothing.
        Assert.All((int[])[whole, cut, refused, reused], part => Assert.InRange(part, Count / 100, Count * 2));
    }

    private static async Task<RelayEnd> ExchangeAsync(
        FuzzedOllama ollama, UpstreamPool pool, string token, int number, ConcurrentQueue<string> faults)
    {
        using var limit = new CancellationTokenSource(s_limit);
        using var received = new MemoryStream();
        var context = new DefaultHttpContext();
        context.Request.Method = (number % 20) switch { 0 => "HEAD", < 8 => "POST", _ => "GET" };
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = "/t/" + token;
        context.Request.Headers.Host = "localhost";
        if (context.Request.Method == "POST")
        {
            context.Request.ContentLength = token.Length;
            context.Request.Body = new MemoryStream(Encoding.ASCII.GetBytes(token));
        }

        context.Response.Body = received;
        var exchange = new ExchangeInProgress(context, new RunningRequests(TimeProvider.System), new DecoderBudget(), TimeProvider.System, NullLogger.Instance);
        using var request = new HttpRequestMessage(HttpMethod.Get, ollama.Address);
        using var invoker = new HttpMessageInvoker(new UpstreamHandler(pool, new RequestSender(context, exchange, new HostRules(true, ollama.Address))));
        var end = RelayEnd.NoAnswer;
        try
        {
            using var response = (UpstreamResponse)await invoker.SendAsync(request, limit.Token);
            try
            {
                end = await ResponseRelay.RunAsync(context, response, exchange, limit.Token);
            }
            finally
            {
                await response.FinishAsync();
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException or IOException)
        {
            end = exception is OperationCanceledException ? RelayEnd.CutByProxy : RelayEnd.NoAnswer;
        }

        var exchanged = ollama.Take(token);
        Check(context, token, end, received.ToArray(), exchanged, limit.IsCancellationRequested, faults);
        return end;
    }

    private static void Check(
        HttpContext context, string token, RelayEnd end, byte[] body, FuzzedOllama.Exchanged exchanged, bool isLate, ConcurrentQueue<string> faults)
    {
        lock (exchanged.Sent)
        {
            var isOwn = exchanged.Sent.Any(sent => sent.AsSpan().IndexOf(body) >= 0) || body.Length == 0;
            var head = string.Join("\r\n", context.Response.Headers.SelectMany(header => header.Value.Select(value => value)));
            var isOwnHead = head.Length == 0 || context.Response.Headers.All(header => header.Value.All(value =>
                string.IsNullOrEmpty(value) || exchanged.Sent.Any(sent => sent.AsSpan().IndexOf(Encoding.Latin1.GetBytes(value)) >= 0)));
            if (!isOwn || !isOwnHead)
            {
                faults.Enqueue($"{token} got {head} {Encoding.Latin1.GetString(body)}");
            }

            // An undamaged response arrives complete.
            if (exchanged is { IsSound: true, Sent.Count: 1 } && !isLate)
            {
                var sent = exchanged.Sent[0];
                var sentBody = sent.AsSpan(sent.AsSpan().IndexOf("\r\n\r\n"u8) + 4);
                if (end != RelayEnd.Whole || !sentBody.SequenceEqual(body) || context.Response.Headers["X-Token"] != token)
                {
                    faults.Enqueue($"{token} is not whole ({end}): {Encoding.Latin1.GetString(sent)}");
                }
            }
        }
    }

    /// <summary>SplitMix64: tokens differ in so many bits that damage cannot turn one into another.</summary>
    private static ulong Mix(ulong value)
    {
        value *= 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
