using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Decodes a compressed body as it passes: what is pushed in comes out as far as it can be decoded by then. Works on a copy; the compressed bytes are what is
/// forwarded. Constant memory, and an end where a small body would become an endless one.
/// </summary>
internal sealed class BodyDecoder : IDisposable
{
    /// <summary>More is not decoded: Ollama itself takes 20 MiB.</summary>
    private const long MaxDecoded = 256L * 1024 * 1024;

    /// <summary>The largest window Ollama accepts, 8 MiB, as a power of two.</summary>
    private const int MaxZstdWindow = 23;

    private readonly PushedBytes _pushed = new();
    private readonly Stream _decoded;
    private long _length;

    private BodyDecoder(Func<Stream, Stream> decode) => _decoded = decode(_pushed);

    /// <summary>A decoder for a Content-Encoding; null for one that is unknown, or several on top of each other: such a body passes unread.</summary>
    public static BodyDecoder? For(string? contentEncoding) => contentEncoding?.Trim().ToLowerInvariant() switch
    {
        "gzip" or "x-gzip" => new BodyDecoder(static stream => new GZipStream(stream, CompressionMode.Decompress)),
        "br" => new BodyDecoder(static stream => new BrotliStream(stream, CompressionMode.Decompress)),
        "deflate" => new BodyDecoder(static stream => new ZLibStream(stream, CompressionMode.Decompress)),
        "zstd" => new BodyDecoder(Zstd),
        _ => null,
    };

    /// <summary>The next bytes of the body. They must have been read out before the next are pushed.</summary>
    public void Push(ReadOnlySpan<byte> encoded) => _pushed.Push(encoded);

    /// <summary>Decoded bytes; 0 when there are none until more is pushed, or the body is no body of this coding.</summary>
    public int Read(Span<byte> buffer)
    {
        if (_length >= MaxDecoded)
        {
            return 0;
        }

        try
        {
            var read = _decoded.Read(buffer);
            _length += read;
            return read;
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or ZstdException)
        {
            _length = MaxDecoded;
            return 0;
        }
    }

    public void Dispose() => _decoded.Dispose();

    private static DecompressionStream Zstd(Stream stream)
    {
        // A body may be read before it has ended: that its last frame is open then is no fault.
        var decoder = new DecompressionStream(stream, checkEndOfStream: false);
        decoder.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxZstdWindow);
        return decoder;
    }

    /// <summary>A stream that ends where the pushed bytes end, and goes on when more are pushed: the decoders ask again.</summary>
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
    }
}
