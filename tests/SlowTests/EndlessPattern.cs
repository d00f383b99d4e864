namespace OllamaProxy.SlowTests;

/// <summary>Random bytes without a file. They repeat with a period that matches no buffer size, so lost or repeated bytes change the checksum.</summary>
internal sealed class EndlessPattern(long length) : Stream
{
    private const int Period = 1_000_003;
    private static readonly byte[] s_pattern = MakePattern();

    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        var at = (int)(_position % Period);
        var count = (int)Math.Min(Math.Min(buffer.Length, Period - at), length - _position);
        s_pattern.AsSpan(at, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private static byte[] MakePattern()
    {
        var pattern = new byte[Period];
        new Random(1).NextBytes(pattern);
        return pattern;
    }
}
