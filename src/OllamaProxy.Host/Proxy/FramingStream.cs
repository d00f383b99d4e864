using System.Buffers;
using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// The connection to Ollama as HttpClient sees it. HttpClient decodes chunked bodies and forgets where the chunks were; a client that reads one JSON
/// line per chunk would notice. So a chunked answer is wrapped: what Ollama sent, framing included, becomes the data of chunks of our own, which
/// HttpClient takes off again. What it hands to the relay is then Ollama's framing, byte for byte, and the connection stays usable for the next request.
/// It also takes out of a request head what HttpClient adds and the client never sent (<see cref="RequestHead"/>).
/// </summary>
internal sealed class FramingStream(Stream network) : Stream
{
    /// <summary>Room before the raw bytes for the size line of the wrapping chunk: 8 hexadecimal digits, CR, LF.</summary>
    private const int Prefix = 10;

    /// <summary>Room after them for CR LF and the last chunk.</summary>
    private const int Suffix = 7;
    private const int BufferSize = 16 * 1024;

    /// <summary>A smaller buffer of HttpClient's is not read into.</summary>
    private const int SmallestPlace = 1024;

    private ResponseHeadScanner _head;
    private ChunkScanner _chunks;
    private Part _part;

    /// <summary>Bytes to come of a body with a length.</summary>
    private long _remaining;

    /// <summary>The request was one by HEAD: whatever its answer announces, no body follows.</summary>
    private bool _isHead;

    /// <summary>More was there than HttpClient's own buffer takes: the next read is a large one.</summary>
    private bool _isPlenty;

    /// <summary>Bytes ready for HttpClient: a wrapped piece, held while it is being read.</summary>
    private byte[]? _buffer;
    private int _from;
    private int _to;

    /// <summary>What of an answer comes next.</summary>
    private enum Part : byte
    {
        Head,
        Body,
        Chunks,
        UntilClose,
    }

    private static ReadOnlySpan<byte> LastChunk => "0\r\n\r\n"u8;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_from < _to)
        {
            return ValueTask.FromResult(TakeReady(buffer.Span));
        }

        return buffer.IsEmpty ? network.ReadAsync(buffer, cancellationToken) : ReceiveAsync(buffer, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_part != Part.Chunks)
        {
            var received = await network.ReadAsync(buffer, cancellationToken);
            return Accept(buffer.Span[..received]);
        }

        // A stream that waits for its next token holds no buffer but the one it was given.
        if (!_isPlenty && buffer.Length >= SmallestPlace)
        {
            var room = buffer[Prefix..^Suffix];
            var received = await network.ReadAsync(room, cancellationToken);
            _isPlenty = received == room.Length;
            return received == 0 ? 0 : Wrap(buffer.Span, received);
        }

        var space = _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        int length;
        try
        {
            length = await network.ReadAsync(space.AsMemory(Prefix, space.Length - Prefix - Suffix), cancellationToken);
        }
        catch
        {
            // A read that was cancelled may still write into it: it is left to the garbage collector.
            _buffer = null;
            throw;
        }

        if (length == 0)
        {
            ReturnBuffer();
            return 0;
        }

        _isPlenty = length > buffer.Length;
        (_from, _to) = (0, Wrap(space, length));
        return TakeReady(buffer.Span);
    }

    /// <summary>Follows bytes that were read straight into HttpClient's buffer: heads and bodies with a length. Returns how many of them it may have now.</summary>
    private int Accept(ReadOnlySpan<byte> received)
    {
        var at = 0;
        while (at < received.Length && _part != Part.UntilClose)
        {
            if (_part == Part.Body)
            {
                var passed = (int)Math.Min(_remaining, received.Length - at);
                at += passed;
                _remaining -= passed;
                _part = _remaining == 0 ? Part.Head : Part.Body;
                continue;
            }

            at += _head.Scan(received[at..], out var ended);
            if (!ended)
            {
                continue;
            }

            _part = PartAfterHead();
            if (_part == Part.Chunks)
            {
                // The rest of this piece is the beginning of the body: it waits for the next read, wrapped.
                if (at < received.Length)
                {
                    WrapRest(received[at..]);
                }

                return at;
            }
        }

        return received.Length;
    }

    private Part PartAfterHead()
    {
        var framing = _head.Body(_isHead, out _remaining);
        _head = default;
        _isHead = false;
        _chunks = default;
        _isPlenty = false;
        return framing switch
        {
            BodyFraming.Chunked => Part.Chunks,
            BodyFraming.UntilClose => Part.UntilClose,
            _ => _remaining == 0 ? Part.Head : Part.Body,
        };
    }

    private void WrapRest(ReadOnlySpan<byte> rest)
    {
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(BufferSize, rest.Length + Prefix + Suffix));
        rest.CopyTo(_buffer.AsSpan(Prefix));
        (_from, _to) = (0, Wrap(_buffer, rest.Length));
    }

    /// <summary>Puts a size line before and an end after the raw bytes, which stand at <see cref="Prefix"/> in the buffer. Returns where the whole ends.</summary>
    private int Wrap(Span<byte> buffer, int received)
    {
        var inner = buffer.Slice(Prefix, received);
        var length = 0;
        while (length < inner.Length && !_chunks.Ended)
        {
            length += _chunks.Next(inner[length..], out _);
        }

        // Bytes after the end of the body belong to nobody, and are not passed on.
        Utf8Formatter.TryFormat((uint)length, buffer, out _, new StandardFormat('x', 8));
        buffer[8] = (byte)'\r';
        buffer[9] = (byte)'\n';
        var end = Prefix + length;
        buffer[end++] = (byte)'\r';
        buffer[end++] = (byte)'\n';
        if (_chunks.Ended)
        {
            LastChunk.CopyTo(buffer[end..]);
            end += LastChunk.Length;
            _part = Part.Head;
        }

        return end;
    }

    private int TakeReady(Span<byte> destination)
    {
        var length = Math.Min(destination.Length, _to - _from);
        _buffer.AsSpan(_from, length).CopyTo(destination);
        _from += length;
        if (_from == _to)
        {
            ReturnBuffer();
        }

        return length;
    }

    private void ReturnBuffer()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            _from = _to = 0;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!RequestHead.IsMarked(buffer.Span))
        {
            return network.WriteAsync(buffer, cancellationToken);
        }

        var head = RequestHead.Clean(buffer.Span, out _isHead);
        return network.WriteAsync(head, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("This connection is only used asynchronously.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("This connection is only used asynchronously.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // The buffer is left to the garbage collector: a read that is being cancelled may still write into it.
            network.Dispose();
        }

        base.Dispose(disposing);
    }
}
