using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// Rows in the binary format of COPY (PostgreSQL's documentation of COPY, "Binary Format"): numbers are big-endian, and each value stands behind its length.
/// Npgsql's own writer blocks its thread when its buffer is full, or takes a task for each value.
/// </summary>
internal sealed class PostgresCopy(Stream target)
{
    /// <summary>Bytes that are sent at once, about.</summary>
    private const int Block = 256 * 1024;

    private const int Null = -1;

    /// <summary>The signature, no flags, no extension.</summary>
    private static readonly byte[] s_header = [.. "PGCOPY\n"u8, 0xFF, .. "\r\n\0"u8, 0, 0, 0, 0, 0, 0, 0, 0];

    private static readonly long s_epoch = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    private readonly ArrayBufferWriter<byte> _buffer = new(Block);
    private bool _hasBegun;

    /// <summary>Begins a row.</summary>
    /// <param name="columns">How many values follow.</param>
    public void BeginRow(int columns)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            _buffer.Write(s_header);
        }

        Number((short)columns);
    }

    /// <summary>Sends what has come together, when it is worth it.</summary>
    public async Task SendAsync(CancellationToken cancellationToken)
    {
        if (_buffer.WrittenCount >= Block)
        {
            await target.WriteAsync(_buffer.WrittenMemory, cancellationToken).OnPoolAsync();
            _buffer.ResetWrittenCount();
        }
    }

    /// <summary>Sends the rest and ends the rows.</summary>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        Number((short)Null);
        await target.WriteAsync(_buffer.WrittenMemory, cancellationToken).OnPoolAsync();
    }

    public void Add(DateTimeOffset value) => Add((PostgresTime.Instant(value).Ticks - s_epoch) / TimeSpan.TicksPerMicrosecond);

    public void Add(string? value)
    {
        if (value is null)
        {
            Length(Null);
            return;
        }

        var length = Encoding.UTF8.GetByteCount(value);
        Length(length);
        _buffer.Advance(Encoding.UTF8.GetBytes(value, _buffer.GetSpan(length)));
    }

    public void Add(long value)
    {
        Length(sizeof(long));
        BinaryPrimitives.WriteInt64BigEndian(_buffer.GetSpan(sizeof(long)), value);
        _buffer.Advance(sizeof(long));
    }

    public void Add(TimeSpan value) => Add(PostgresTime.Micros(value));

    public void Add(TimeSpan? value)
    {
        if (value is { } known)
        {
            Add(known);
        }
        else
        {
            Length(Null);
        }
    }

    public void Add(int? value)
    {
        if (value is { } known)
        {
            Length(sizeof(int));
            Length(known);
        }
        else
        {
            Length(Null);
        }
    }

    public void Add(double? value)
    {
        if (value is { } known)
        {
            Add(BitConverter.DoubleToInt64Bits(known));
        }
        else
        {
            Length(Null);
        }
    }

    public void Add(bool? value)
    {
        if (value is { } known)
        {
            Length(1);
            _buffer.GetSpan(1)[0] = known ? (byte)1 : (byte)0;
            _buffer.Advance(1);
        }
        else
        {
            Length(Null);
        }
    }

    /// <summary>A flag as a number, so that sums can be kept by it like by any other label.</summary>
    public void AddFlag(bool value)
    {
        Length(sizeof(short));
        Number((short)(value ? 1 : 0));
    }

    private void Length(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer.GetSpan(sizeof(int)), length);
        _buffer.Advance(sizeof(int));
    }

    private void Number(short number)
    {
        BinaryPrimitives.WriteInt16BigEndian(_buffer.GetSpan(sizeof(short)), number);
        _buffer.Advance(sizeof(short));
    }
}
