using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>How the relay ends when its client does, at the moment of a write that no network could hit on purpose.</summary>
public sealed class ResponseRelayTests
{
    private const string Body = "hello there";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_closes_with_the_last_byte_has_all_it_asked_for(bool isChunked)
    {
        Assert.Equal(RelayEnd.Whole, await EndAsync(isChunked ? $"b\r\n{Body}\r\n0\r\n\r\n" : Body, isChunked));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_closes_before_it_has_not(bool isChunked)
    {
        Assert.Equal(RelayEnd.CutByClient, await EndAsync(isChunked ? $"b\r\n{Body}\r\n" : Body[..5], isChunked));
    }

    [Fact]
    public async Task Bytes_that_arrive_after_the_client_left_complete_nothing()
    {
        // Two reads: the client leaves with the first, and the end comes with the second.
        Assert.Equal(RelayEnd.CutByClient, await EndAsync(new string('a', 8 * 1024), isChunked: false));
    }

    /// <summary>Relays the bytes to a client that is gone once it has them.</summary>
    private static async Task<RelayEnd> EndAsync(string bytes, bool isChunked)
    {
        using var gone = new CancellationTokenSource();
        var context = new DefaultHttpContext();
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = "/api/version";
        context.Request.Method = "GET";
        context.Response.Body = new LeavingClient(gone);
        using var response = new HttpResponseMessage { Content = new ByteArrayContent(Encoding.ASCII.GetBytes(bytes)) };
        if (isChunked)
        {
            response.Headers.TransferEncodingChunked = true;
            context.Response.Headers.TransferEncoding = "chunked";
        }
        else
        {
            response.Content.Headers.ContentLength = Math.Max(bytes.Length, Body.Length);
        }

        var exchange = new ExchangeInProgress(context, new RunningRequests(), new DecoderBudget(), TimeProvider.System, NullLogger.Instance);
        exchange.Begin();
        exchange.ObserveHead(200, "text/plain", null);
        await new ResponseRelay(context, response, exchange).RunAsync(gone.Token);
        return exchange.End;
    }

    private sealed class LeavingClient(CancellationTokenSource gone) : MemoryStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await base.WriteAsync(buffer, cancellationToken);
            await gone.CancelAsync();
        }
    }
}
