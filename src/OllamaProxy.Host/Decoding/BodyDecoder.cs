using System.IO.Compression;
using OllamaProxy.Domain;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace OllamaProxy.Host.Decoding;

/// <summary>
/// Decodes a copy of an encoded body as it passes; the encoded bytes are forwarded. Its memory is constant and reserved from a <see cref="DecoderBudget"/> with
/// the first byte. It gives up on a small body that decodes to an endless one.
/// </summary>
/// <param name="encodings">The encodings of the body, in the order they were applied (see <see cref="EncodingsOf"/>).</param>
/// <param name="budget">The memory of all decoders.</param>
internal sealed class BodyDecoder(string[] encodings, DecoderBudget budget) : IDisposable
{
    /// <summary>The most that is decoded; Ollama itself accepts 20 MiB.</summary>
    private const long MaxDecoded = 256L * 1024 * 1024;

    /// <summary>No known server encodes more than twice.</summary>
    private const int MaxEncodings = 3;

    /// <summary>The largest window Ollama accepts, 8 MiB, as a power of two.</summary>
    private const int MaxZstdWindow = 23;

    private const int BufferSize = 8 * 1024;

    private readonly PushedBytes _pushed = new();
    private byte[] _buffer = [];
    private Stream? _decoded;
    private long _reserved;
    private long _length;
    private bool _isDisposed;

    /// <summary>Why the body cannot be decoded; null while it can.</summary>
    public ParseFailure? Failure { get; private set; }

    /// <summary>The encodings that a Content-Encoding names; empty for a plain body.</summary>
    public static string[] EncodingsOf(string? contentEncoding) => contentEncoding is null ? [] :
    [
        .. contentEncoding.ToLowerInvariant()
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(static name => name is not ("identity" or "none")),
    ];

    /// <summary>Adds the next bytes of the body. Their decoded bytes must be read before the next push.</summary>
    public void Push(ReadOnlySpan<byte> encoded)
    {
        if (_decoded is null && Failure is null && !_isDisposed)
        {
            Open();
        }

        if (_decoded is not null)
        {
            _pushed.Push(encoded);
        }
    }

    /// <summary>Returns decoded bytes, valid until the next call; none when it needs more bytes, or cannot decode the body.</summary>
    public ReadOnlySpan<byte> Read()
    {
        if (_decoded is null)
        {
            return [];
        }

        try
        {
            return _buffer.AsSpan(0, _decoded.Read(_buffer));
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or ZstdException)
        {
            Failure = _length > MaxDecoded ? ParseFailure.DecoderLimit : ParseFailure.UnknownEncoding;
            Dispose();
            return [];
        }
    }

    /// <summary>Frees the memory. Bytes that are pushed later are not decoded.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _decoded?.Dispose();
        _decoded = null;
        _buffer = [];
        budget.Return(_reserved);
        _reserved = 0;
    }

    private void Open()
    {
        if (encodings.Length > MaxEncodings || encodings.Any(static encoding => MemoryOf(encoding) == 0))
        {
            Failure = ParseFailure.UnknownEncoding;
            return;
        }

        var memory = encodings.Sum(MemoryOf);
        if (!budget.TryReserve(memory))
        {
            Failure = ParseFailure.DecoderLimit;
            return;
        }

        _reserved = memory;
        _buffer = new byte[BufferSize];
        Stream stream = _pushed;
        for (var last = encodings.Length - 1; last >= 0; last--)
        {
            stream = new CountedStream(this, Decode(encodings[last], stream));
        }

        _decoded = stream;
    }

    /// <summary>The most memory that a decoder takes for its window and buffers; 0 for an unknown encoding.</summary>
    private static long MemoryOf(string encoding) => encoding switch
    {
        "gzip" or "x-gzip" or "deflate" => 128 * 1024,
        "br" => 17L * 1024 * 1024,
        "zstd" => (1L << MaxZstdWindow) + (1024 * 1024),
        _ => 0,
    };

    private static Stream Decode(string encoding, Stream stream) => encoding switch
    {
        "br" => new BrotliStream(stream, CompressionMode.Decompress),
        "deflate" => new InflateStream(stream),
        "zstd" => Zstd(stream),
        _ => new GZipStream(stream, CompressionMode.Decompress),
    };

    private static DecompressionStream Zstd(Stream stream)
    {
        // The body is read before it ends, so an open last frame is no fault.
        var decoder = new DecompressionStream(stream, checkEndOfStream: false, leaveOpen: false);
        decoder.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxZstdWindow);
        return decoder;
    }

    /// <summary>
    /// Counts the bytes that each decoder of a body produces, also between two decoders: a few bytes could decode to terabytes that decode to nothing, and
    /// occupy a thread for hours.
    /// </summary>
    private sealed class CountedStream(BodyDecoder decoder, Stream decoded) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer)
        {
            var read = decoded.Read(buffer);
            decoder._length += read;
            return decoder._length <= MaxDecoded ? read : throw new InvalidDataException("The decoded body exceeds the limit.");
        }

        protected override void Dispose(bool disposing)
        {
            decoded.Dispose();
            base.Dispose(disposing);
        }
    }

    /// <summary>A stream that ends after the pushed bytes and continues after the next push. The decoders read it again.</summary>
    private sealed class PushedBytes : ReadOnlyStream
    {
        private byte[] _bytes = [];
        private int _start;
        private int _end;

        public void Push(ReadOnlySpan<byte> bytes)
        {
            if (_bytes.Length < bytes.Length)
            {
                _bytes = new byte[bytes.Length];
            }

            bytes.CopyTo(_bytes);
            (_start, _end) = (0, bytes.Length);
        }

        public override int Read(Span<byte> buffer)
        {
            var length = Math.Min(buffer.Length, _end - _start);
            _bytes.AsSpan(_start, length).CopyTo(buffer);
            _start += length;
            return length;
        }

        protected override void Dispose(bool disposing)
        {
            _bytes = [];
            _end = _start;
            base.Dispose(disposing);
        }
    }

    /// <summary>
    /// Servers send <c>deflate</c> as zlib (RFC 9110, section 8.4.1.2) or raw. The first byte decides: its low half is 8 in zlib, which in raw deflate
    /// would be a stored block with nonzero padding.
    /// </summary>
    private sealed class InflateStream(Stream encoded) : ReadOnlyStream
    {
        private Stream? _decoded;

        public override int Read(Span<byte> buffer)
        {
            if (_decoded is null)
            {
                Span<byte> first = stackalloc byte[1];
                if (encoded.Read(first) == 0)
                {
                    return 0;
                }

                var source = new FirstByteAgain(first[0], encoded);
                _decoded = (first[0] & 0x0F) == 8 ? new ZLibStream(source, CompressionMode.Decompress) : new DeflateStream(source, CompressionMode.Decompress);
            }

            return _decoded.Read(buffer);
        }

        protected override void Dispose(bool disposing)
        {
            _decoded?.Dispose();
            encoded.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class FirstByteAgain(byte first, Stream rest) : ReadOnlyStream
    {
        private bool _isRead;

        public override int Read(Span<byte> buffer)
        {
            if (_isRead || buffer.IsEmpty)
            {
                return rest.Read(buffer);
            }

            _isRead = true;
            buffer[0] = first;
            return 1;
        }
    }
}
