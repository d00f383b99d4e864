using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// Rows in the binary format of COPY (PostgreSQL's documentation of COPY, "Binary Format"): numbers are big-endian, and each value stands behind its length.
/// Npgsql's own writer blocks its thread when its buffer is full, or takes a task for each value.
/// </summary>
internal sealed class PostgresCopy(Stream target) : IFieldWriter
{
    /// <summary>Bytes that are sent at once, about.</summary>
    private const int Block = 256 * 1024;

    private const int Null = -1;

    /// <summary>The signature, no flags, no extension.</summary>
    private static readonly byte[] s_header = [.. "PGCOPY\n"u8, 0xFF, .. "\r\n\0"u8, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Times of PostgreSQL count from here, in microseconds of the Unix epoch.</summary>
    private static readonly long s_epoch = Micros.Of(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero));

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

    /// <summary>Sends the rows so far once they fill a block.</summary>
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

    public void Add(long value)
    {
        Length(sizeof(long));
        BinaryPrimitives.WriteInt64BigEndian(_buffer.GetSpan(sizeof(long)), value);
        _buffer.Advance(sizeof(long));
    }

    public void Add(DateTimeOffset value) => Add(Micros.Of(value) - s_epoch);

    public void Add(string? value)
    {
        if (value is null)
        {
            Length(Null);
            return;
        }

        value = PostgresText.Of(value);
        var length = Encoding.UTF8.GetByteCount(value);
        Length(length);
        _buffer.Advance(Encoding.UTF8.GetBytes(value, _buffer.GetSpan(length)));
    }

    public void Text(RecordField field, string? value) => Add(value);

    public void Number(RecordField field, long? value)
    {
        if (value is { } number && field.Kind == FieldKind.Number)
        {
            Length(sizeof(int));
            Length((int)number);
        }
        else
        {
            AddOrNull(value);
        }
    }

    public void Real(RecordField field, double? value) =>
        AddOrNull(value is { } number && double.IsFinite(number) ? BitConverter.DoubleToInt64Bits(number) : null);

    public void Flag(RecordField field, bool? value)
    {
        if (value is not { } flag)
        {
            Length(Null);
            return;
        }

        if (field == RecordFields.IsInference)
        {
            Length(sizeof(short));
            Number((short)(flag ? 1 : 0));
            return;
        }

        Length(1);
        _buffer.GetSpan(1)[0] = flag ? (byte)1 : (byte)0;
        _buffer.Advance(1);
    }

    public void Duration(RecordField field, TimeSpan? value) => AddOrNull(value is { } duration ? Micros.Of(duration) : null);

    public void Time(RecordField field, DateTimeOffset value) => Add(value);

    private void AddOrNull(long? value)
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
