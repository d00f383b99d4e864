using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using OllamaProxy.Bench.Sockets;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Load;

/// <summary>
/// One large blob, with a length or in 32 KiB chunks as Go's client sends them. The upstream answers with the count and checksum of the bytes it got.
/// </summary>
internal sealed class UploadPhase(PhaseRequest request) : Phase(request)
{
    private const int ChunkSize = 32 * 1024;

    /// <summary>The number of chunks in the block that is sent repeatedly; not a power of two, so that lost or repeated bytes change the checksum.</summary>
    private const int ChunksInBlock = 33;

    private static readonly byte[] s_chunkHead = "8000\r\n"u8.ToArray();
    private static readonly byte[] s_plain = NewBlock();
    private static readonly byte[] s_framed = Framed(s_plain);

    private Connection? _connection;

    protected override bool IsDone => _connection is { Finished: true };

    public override void Run()
    {
        var mebibytes = Request.Integer("mib");
        var chunks = mebibytes * (1024 * 1024 / ChunkSize);
        var crc = 0u;
        for (var left = chunks; left > 0; left -= ChunksInBlock)
        {
            crc = Crc32C.Append(crc, s_plain.AsSpan(0, Math.Min(left, ChunksInBlock) * ChunkSize));
        }

        var begun = Stopwatch.GetTimestamp();
        _connection = new Connection(this, chunks, Request.Name == "upload-chunked");
        RunLoop(30);
        var elapsed = (Stopwatch.GetTimestamp() - begun) / (double)Stopwatch.Frequency;
        var isRight = _connection.Success && _connection.Crc == crc && _connection.Bytes == (long)chunks * ChunkSize;
        Errors += isRight ? 0 : 1;
        Results["units"] = mebibytes / 1024.0;
        Results["mib_per_second"] = mebibytes / elapsed;
    }

    public override void Dispose()
    {
        _connection?.Close();
        base.Dispose();
    }

    private static byte[] NewBlock()
    {
        var block = new byte[ChunksInBlock * ChunkSize];
        new Random(20261124).NextBytes(block);
        return block;
    }

    private static byte[] Framed(byte[] plain)
    {
        using var framed = new MemoryStream();
        foreach (var chunk in plain.Chunk(ChunkSize))
        {
            framed.Write(s_chunkHead);
            framed.Write(chunk);
            framed.Write("\r\n"u8);
        }

        return framed.ToArray();
    }

    private sealed class Connection : ClientConnection
    {
        private readonly byte[] _block;
        private readonly byte[] _head;
        private readonly byte[] _tail;
        private readonly long _length;
        private long _sent;

        public Connection(UploadPhase phase, int chunks, bool isChunked)
            : base(phase, phase.Request.Port)
        {
            _block = isChunked ? s_framed : s_plain;
            _length = (long)chunks * (_block.Length / ChunksInBlock);
            _tail = isChunked ? "0\r\n\r\n"u8.ToArray() : [];
            var framing = isChunked ? "Transfer-Encoding: chunked" : string.Create(CultureInfo.InvariantCulture, $"Content-Length: {_length}");
            _head = Encoding.ASCII.GetBytes(
                $"POST /api/blobs/sha256:29fdb92e57cf0827ded04ae6461b5931d01fa595843f55d36f5b275a52087dd2 HTTP/1.1\r\n"
                + $"Host: 127.0.0.1\r\nUser-Agent: ollama-proxy-bench\r\n{framing}\r\n\r\n");
            phase.Loop.Want(Fd, write: true);
        }

        public bool Success { get; private set; }

        public bool Finished { get; private set; }

        public uint Crc { get; private set; }

        public long Bytes { get; private set; }

        public override void Ready(bool readable, bool writable)
        {
            base.Ready(readable, writable);
            if (!writable || Finished)
            {
                return;
            }

            var piece = Next();
            if (piece.IsEmpty)
            {
                Phase.Loop.Want(Fd, write: false);
                return;
            }

            _sent += Math.Max(Tcp.Send(Fd, piece), 0);
        }

        public override void Head(ReadOnlySpan<byte> head)
        {
            Success = IsSuccess(head);
            if (Utf8Parser.TryParse(HttpParser.ValueOf(head, "Bench-Crc"u8), out uint crc, out _, 'x')
                && Utf8Parser.TryParse(HttpParser.ValueOf(head, "Bench-Bytes"u8), out long bytes, out _))
            {
                (Crc, Bytes) = (crc, bytes);
            }
        }

        public override void MessageEnd() => Finished = true;

        protected override void Lost(bool betweenMessages) => Finished = true;

        /// <summary>The next bytes of the head, the repeated block, or the tail.</summary>
        private ReadOnlySpan<byte> Next()
        {
            if (_sent < _head.Length)
            {
                return _head.AsSpan((int)_sent);
            }

            var at = _sent - _head.Length;
            if (at < _length)
            {
                var inBlock = (int)(at % _block.Length);
                return _block.AsSpan(inBlock, (int)Math.Min(_block.Length - inBlock, _length - at));
            }

            return _tail.AsSpan((int)Math.Min(at - _length, _tail.Length));
        }
    }
}
