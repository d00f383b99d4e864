using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Upstream;
using OllamaProxy.Host.Workers;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>How the relay ends when its client disconnects during a write, a moment that a test over the network cannot hit reliably.</summary>
public sealed class ResponseRelayTests
{
    private const string Body = "hello there";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_closes_with_the_last_byte_received_the_whole_response(bool isChunked)
    {
        Assert.Equal(RelayEnd.Whole, await EndAsync(isChunked ? $"b\r\n{Body}\r\n0\r\n\r\n" : Body, isChunked));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_closes_before_the_last_byte_did_not_receive_the_whole_response(bool isChunked)
    {
        Assert.Equal(RelayEnd.CutByClient, await EndAsync(isChunked ? $"b\r\n{Body}\r\n" : Body[..5], isChunked));
    }

    [Fact]
    public async Task Bytes_that_arrive_after_the_client_disconnected_complete_nothing()
    {
        // Two reads: the client disconnects during the first, and the end arrives with the second.
        Assert.Equal(RelayEnd.CutByClient, await EndAsync(new string('a', 8 * 1024), isChunked: false));
    }

    [Theory]
    [InlineData("b\r\nhello there\r\n0\r\n\r\n", true, 1)]
    [InlineData("b\r\nhello there\r\n0\r\nx: y\r\n\r\n", true, 1)]
    [InlineData("b\r\nhello there\r\n", true, 0)]
    [InlineData("f\r\nhello there\r\n\r\n\r\n", true, 0)]
    [InlineData("hello there", false, 1)]
    [InlineData("hello", false, 0)]
    public async Task The_slot_is_released_before_the_client_has_the_last_byte(string bytes, bool isChunked, int free)
    {
        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var metrics = new ProxyMetrics(services.GetRequiredService<IMeterFactory>(), new MetricsOptions(), new ModelNames());
        var gate = new ConcurrencyGate(new GateOptions { MaxConcurrent = 1 }, metrics, new GraceEnd(), TimeProvider.System);
        List<int> seen = [];

        await EndAsync(bytes, isChunked, gate, () => seen.Add(gate.Free));

        Assert.Equal([free], seen);
    }

    /// <summary>Relays the bytes to a client that disconnects once it has them.</summary>
    private static async Task<RelayEnd> EndAsync(string bytes, bool isChunked, ConcurrencyGate? gate = null, Action? onWrite = null)
    {
        using var gone = new CancellationTokenSource();
        using var ollama = new TcpListener(IPAddress.Loopback, 0);
        ollama.Start();
        var context = new DefaultHttpContext();
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = "/api/chat";
        context.Request.Method = "GET";
        context.RequestAborted = gone.Token;
        context.Response.Body = new LeavingClient(gone, onWrite);
        var exchange = new ExchangeInProgress(context, new RunningRequests(TimeProvider.System), new DecoderBudget(), TimeProvider.System, NullLogger.Instance);
        if (gate is not null)
        {
            exchange.HoldSlot(gate, await gate.EnterAsync(ApiEndpoint.Chat, context));
        }

        var backend = new Uri($"http://127.0.0.1:{((IPEndPoint)ollama.LocalEndpoint).Port}");
        using var pool = new UpstreamPool(TimeProvider.System);
        var connection = await UpstreamConnection.ConnectAsync(backend, TestContext.Current.CancellationToken);
        using var accepted = await ollama.AcceptSocketAsync(TestContext.Current.CancellationToken);
        var framing = isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {Math.Max(bytes.Length, Body.Length)}";
        await accepted.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{bytes}"), TestContext.Current.CancellationToken);
        await connection.ReadHeadAsync();
        var cancelling = gone.Token.UnsafeRegister(static connection => ((UpstreamConnection)connection!).Dispose(), connection);
        using var response = new UpstreamResponse(
            pool, connection, new RequestSender(context, exchange, new HostRules(true, backend)), Task.CompletedTask, cancelling);

        var end = await ResponseRelay.RunAsync(context, response, exchange, gone.Token);

        await response.FinishAsync();
        return end;
    }

    private sealed class LeavingClient(CancellationTokenSource gone, Action? onWrite) : MemoryStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            onWrite?.Invoke();
            await base.WriteAsync(buffer, cancellationToken);
            await gone.CancelAsync();
        }
    }
}
