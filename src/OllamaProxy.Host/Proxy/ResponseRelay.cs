using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Carries the answer's body from Ollama to the client: one read, one write, one flush. A chunked body comes with its framing
/// (<see cref="FramingStream"/>) and leaves with it: Kestrel, seeing a Transfer-Encoding that it did not set, passes our bytes on as they are.
/// </summary>
internal sealed class ResponseRelay(HttpContext context, HttpResponseMessage response, ExchangeInProgress exchange)
{
    private const int BufferSize = 16 * 1024;

    private readonly bool _isFramed = response.Headers.TransferEncodingChunked == true && HasBody(context);
    private ChunkScanner _chunks;

    /// <summary>HTTP/1.0 clients get the data without the framing.</summary>
    private bool IsRaw => context.Response.Headers.TransferEncoding.Count > 0;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        var reading = new ValueTask<int>(0);
        try
        {
            while (true)
            {
                reading = body.ReadAsync(buffer, cancellationToken);
                if (!reading.IsCompleted && !context.Response.HasStarted)
                {
                    // The head came alone, so it goes alone.
                    await context.Response.StartAsync(cancellationToken);
                    await context.Response.Body.FlushAsync(cancellationToken);
                }

                var read = await ReadAsync(reading);
                if (read <= 0)
                {
                    if (exchange.UsageFilter is { } filter)
                    {
                        await EndFilteredAsync(filter, cancellationToken);
                    }

                    break;
                }

                await PassOnAsync(buffer, read, cancellationToken);
            }
        }
        // The client's connection is gone, or the proxy is told to stop.
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            exchange.End = RelayEnd.CutByClient;
        }
        finally
        {
            // A read that still runs owns the buffer; then it is left to the garbage collector.
            if (reading.IsCompleted || exchange.End != RelayEnd.CutByClient)
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    /// <summary>True when a body may follow the head of this answer, whose status is known.</summary>
    public static bool HasBody(HttpContext context) => !HttpMethods.IsHead(context.Request.Method) && context.Response.StatusCode is not (204 or 304);

    /// <summary>The length of the next piece; 0 at the end of the body, -1 when Ollama's connection ended before it.</summary>
    private async ValueTask<int> ReadAsync(ValueTask<int> reading)
    {
        try
        {
            var read = await reading;
            if (read == 0)
            {
                exchange.End = RelayEnd.Whole;
            }

            return read;
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            exchange.End = RelayEnd.CutByUpstream;
            await CutAsync();
            return -1;
        }
    }

    /// <summary>The client first: looking at the bytes must not delay them. When they arrived is noted before, for a slow client does not make a slow model.</summary>
    private async ValueTask PassOnAsync(byte[] buffer, int read, CancellationToken cancellationToken)
    {
        var arrived = exchange.Clock.GetTimestamp();
        if (exchange.UsageFilter is { } filter)
        {
            await PassFilteredAsync(filter, buffer.AsMemory(0, read), arrived, cancellationToken);
        }
        else if (!_isFramed)
        {
            await WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            exchange.ObserveResponse(buffer.AsSpan(0, read), arrived);
        }
        else if (IsRaw)
        {
            await WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            ObserveData(buffer.AsSpan(0, read), arrived);
        }
        else
        {
            var length = TakeDataTogether(buffer.AsSpan(0, read));
            await WriteAsync(buffer.AsMemory(0, length), cancellationToken);
            exchange.ObserveResponse(buffer.AsSpan(0, length), arrived);
        }
    }

    /// <summary>Chunk by chunk, so that what was apart stays apart and what was together stays together.</summary>
    private async ValueTask PassFilteredAsync(UsageFilter filter, ReadOnlyMemory<byte> bytes, long arrived, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty && !_chunks.Ended)
        {
            var passed = bytes.Length;
            var data = bytes;
            if (_isFramed)
            {
                passed = _chunks.Next(bytes.Span, out var run);
                data = bytes.Slice(passed - run.Length, run.Length);
            }

            filter.Read(data.Span);
            if (!_chunks.IsInside || filter.Passed.Length > BufferSize)
            {
                await WriteFilteredAsync(filter, cancellationToken);
            }

            exchange.ObserveResponse(data.Span, arrived);
            bytes = bytes[passed..];
        }
    }

    /// <summary>The data in a chunk of its own; nothing at all where nothing was left, for an empty chunk is the end.</summary>
    private async ValueTask WriteFilteredAsync(UsageFilter filter, CancellationToken cancellationToken)
    {
        var data = filter.Passed;
        if (data.IsEmpty)
        {
            return;
        }

        if (IsRaw)
        {
            data = (byte[])[.. Encoding.ASCII.GetBytes(data.Length.ToString("x", CultureInfo.InvariantCulture)), .. "\r\n"u8, .. data.Span, .. "\r\n"u8];
        }

        await WriteAsync(data, cancellationToken);
        filter.Sent();
    }

    /// <summary>What the filter held back at the end, and the end itself where there was one.</summary>
    private async ValueTask EndFilteredAsync(UsageFilter filter, CancellationToken cancellationToken)
    {
        filter.Finish();
        await WriteFilteredAsync(filter, cancellationToken);
        if (IsRaw && exchange.End == RelayEnd.Whole)
        {
            await WriteAsync("0\r\n\r\n"u8.ToArray(), cancellationToken);
        }
    }

    /// <summary>A write that is not done at once waits for the client.</summary>
    private ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var write = context.Response.Body.WriteAsync(bytes, cancellationToken);
        return write.IsCompletedSuccessfully ? ValueTask.CompletedTask : WaitForClientAsync(write);
    }

    private async ValueTask WaitForClientAsync(ValueTask write)
    {
        var since = exchange.Clock.GetTimestamp();
        exchange.ClientWaits();
        try
        {
            await write;
        }
        finally
        {
            exchange.ClientWaited(since);
        }
    }

    private void ObserveData(ReadOnlySpan<byte> framed, long arrived)
    {
        while (!framed.IsEmpty && !_chunks.Ended)
        {
            framed = framed[_chunks.Next(framed, out var data)..];
            if (!data.IsEmpty)
            {
                exchange.ObserveResponse(data, arrived);
            }
        }
    }

    /// <summary>Moves the data to the front of the span; returns its length.</summary>
    private int TakeDataTogether(Span<byte> framed)
    {
        var length = 0;
        for (var at = 0; at < framed.Length && !_chunks.Ended;)
        {
            at += _chunks.Next(framed[at..], out var data);
            data.CopyTo(framed[length..]);
            length += data.Length;
        }

        return length;
    }

    /// <summary>
    /// Ollama's connection ended in the middle: what came has been passed on, and the client's connection ends in the same way, without a last chunk.
    /// An orderly close, as Ollama's own: a reset could overtake the bytes before it.
    /// </summary>
    private async Task CutAsync()
    {
        if (!context.Response.HasStarted)
        {
            await context.Response.StartAsync(CancellationToken.None);
        }

        context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
    }
}
