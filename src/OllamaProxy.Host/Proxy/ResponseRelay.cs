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
    /// <summary>What a stream holds while it waits: HttpClient does not give more at once of a chunked body.</summary>
    private const int SmallBuffer = 4 * 1024;

    /// <summary>For a body that comes in pieces of more than half of that.</summary>
    private const int LargeBuffer = 32 * 1024;

    private readonly bool _isFramed = response.Headers.TransferEncodingChunked == true;
    private readonly long? _length = response.Content.Headers.ContentLength;
    private ChunkScanner _chunks;
    private Fairness _fairness;

    /// <summary>
    /// HTTP/1.0 clients get the data without the framing. A body that came without any is framed by Kestrel, which then has set the header itself.
    /// </summary>
    private bool IsRaw => _isFramed && context.Response.Headers.TransferEncoding.Count > 0;

    /// <summary>Everything has been passed on; that nothing comes behind it is all that is left to be read.</summary>
    private bool IsPassedOn => exchange.UsageFilter is null && (_isFramed ? _chunks.Ended : exchange.ResponseBytes == _length);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!HasBody(context))
        {
            exchange.End = RelayEnd.Whole;
            return;
        }

        var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(SmallBuffer);
        var isReading = false;
        try
        {
            while (true)
            {
                isReading = true;
                var reading = body.ReadAsync(buffer, cancellationToken);
                var waits = !reading.IsCompleted;
                if (waits && !context.Response.HasStarted)
                {
                    // The head came alone, so it goes alone.
                    await context.Response.StartAsync(cancellationToken);
                    await context.Response.Body.FlushAsync(cancellationToken);
                }

                int read;
                try
                {
                    read = await reading;
                }
                catch (Exception exception) when ((exception is IOException or HttpRequestException) && exchange.End != RelayEnd.Whole)
                {
                    isReading = false;
                    exchange.End = RelayEnd.CutByUpstream;
                    await EndFilteredAsync(cancellationToken);
                    await CutAsync();
                    return;
                }

                isReading = false;
                if (read == 0)
                {
                    exchange.End = RelayEnd.Whole;
                    exchange.GiveSlotBack();
                    await EndFilteredAsync(cancellationToken);
                    return;
                }

                // Bytes that arrive after the client disconnected are ignored: a terminator among them completes nothing.
                cancellationToken.ThrowIfCancellationRequested();
                await PassOnAsync(buffer.AsMemory(0, read), cancellationToken);
                if (IsPassedOn)
                {
                    // A client that closes now has all it asked for.
                    exchange.End = RelayEnd.Whole;
                }

                if ((read >= SmallBuffer / 2) != (buffer.Length >= LargeBuffer))
                {
                    var other = ArrayPool<byte>.Shared.Rent(buffer.Length >= LargeBuffer ? SmallBuffer : LargeBuffer);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = other;
                }

                if (_fairness.IsTurnOver(read))
                {
                    await Task.Yield();
                }
            }
        }
        // The client's connection is gone, or the proxy is told to stop.
        catch (Exception exception) when (exception is OperationCanceledException or IOException or HttpRequestException)
        {
            if (exchange.End != RelayEnd.Whole)
            {
                exchange.End = RelayEnd.CutByClient;
            }
        }
        finally
        {
            // A read that may still run owns the buffer; then it is left to the garbage collector.
            if (!isReading)
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    /// <summary>True when a body may follow the head of this answer, whose status is known.</summary>
    public static bool HasBody(HttpContext context) => context.Request.Method != HttpMethods.Head && context.Response.StatusCode is not (204 or 205 or 304);

    /// <summary>The client first: looking at the bytes must not delay them. When they arrived is noted before, for a slow client does not make a slow model.</summary>
    private ValueTask PassOnAsync(Memory<byte> bytes, CancellationToken cancellationToken)
    {
        var arrived = exchange.Clock.GetTimestamp();
        if (IsLast(bytes.Span))
        {
            exchange.GiveSlotBack();
        }

        if (exchange.UsageFilter is { } filter)
        {
            return PassFilteredAsync(filter, bytes, arrived, cancellationToken);
        }

        var isRaw = IsRaw;
        if (_isFramed && !isRaw)
        {
            bytes = bytes[..TakeDataTogether(bytes.Span)];
        }

        var write = context.Response.Body.WriteAsync(bytes, cancellationToken);
        if (!write.IsCompletedSuccessfully || exchange.DecodesResponse)
        {
            return ObserveAfterAsync(write, bytes, isRaw, arrived);
        }

        Observe(bytes.Span, isRaw, arrived);
        return ValueTask.CompletedTask;
    }

    /// <summary>True when Ollama's body ends with these bytes.</summary>
    private bool IsLast(ReadOnlySpan<byte> bytes)
    {
        if (!_isFramed)
        {
            return exchange.ResponseBytes + bytes.Length == _length;
        }

        // Every chunked body ends so, trailers or not, and hardly anything else does.
        if (!bytes.EndsWith("\r\n\r\n"u8))
        {
            return false;
        }

        var ahead = _chunks;
        while (!bytes.IsEmpty && !ahead.Ended)
        {
            bytes = bytes[ahead.Next(bytes, out _)..];
        }

        return ahead.Ended;
    }

    private async ValueTask ObserveAfterAsync(ValueTask write, ReadOnlyMemory<byte> bytes, bool isRaw, long arrived)
    {
        if (!write.IsCompletedSuccessfully)
        {
            await WaitForClientAsync(write);
        }

        if (exchange.DecodesResponse)
        {
            await Task.Yield();
        }

        Observe(bytes.Span, isRaw, arrived);
    }

    private void Observe(ReadOnlySpan<byte> bytes, bool isRaw, long arrived)
    {
        if (_isFramed && isRaw)
        {
            ObserveData(bytes, arrived);
        }
        else
        {
            exchange.ObserveResponse(bytes, arrived);
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
            if (!_chunks.IsInside || filter.Passed.Length > LargeBuffer)
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
    private async ValueTask EndFilteredAsync(CancellationToken cancellationToken)
    {
        if (exchange.UsageFilter is not { } filter)
        {
            return;
        }

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
