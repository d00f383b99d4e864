using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// Compressed days: ordinary gzip files (<c>zcat</c> reads them) of one member for each block. The header of a member carries its length and what the block
/// is about in gzip's extra field, as BGZF does, so that a file is opened by hopping from header to header and one block is read without the others.
/// </summary>
internal static class JsonlGzip
{
    private const int HeaderLength = 10;
    private const int Fixed = 61;
    private const byte Version = 1;
    private const byte ExtraFlag = 4;
    private const byte TooManyModels = 255;

    /// <summary>The extra field ends at 64 KiB.</summary>
    private const int MaxModelBytes = 60_000;

    /// <summary>The subfield's name.</summary>
    private static ReadOnlySpan<byte> Mark => "OP"u8;

    /// <summary>A member, and the block at this offset that says what is in it.</summary>
    public static (byte[] Member, JsonlBlock Block) Compress(ReadOnlySpan<byte> lines, JsonlBlock block, long offset)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(lines);
        }

        var packed = output.GetBuffer().AsSpan(0, (int)output.Length);
        var payload = Payload(block);
        var member = new byte[packed.Length + 6 + payload.Length];
        packed[..HeaderLength].CopyTo(member);
        member[3] |= ExtraFlag;
        BinaryPrimitives.WriteUInt16LittleEndian(member.AsSpan(10), (ushort)(payload.Length + 4));
        Mark.CopyTo(member.AsSpan(12));
        BinaryPrimitives.WriteUInt16LittleEndian(member.AsSpan(14), (ushort)payload.Length);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(1), member.Length);
        payload.CopyTo(member.AsSpan(16));
        packed[HeaderLength..].CopyTo(member.AsSpan(16 + payload.Length));
        return (member, block with { Offset = offset, Length = member.Length });
    }

    /// <summary>Fills the lines from a member. Throws <see cref="InvalidDataException"/> when it is damaged.</summary>
    public static void Expand(byte[] member, int length, Span<byte> lines)
    {
        using var gzip = new GZipStream(new MemoryStream(member, 0, length, writable: false), CompressionMode.Decompress);
        if (gzip.ReadAtLeast(lines, lines.Length, throwOnEndOfStream: false) < lines.Length)
        {
            throw new InvalidDataException("A compressed block is shorter than it says.");
        }
    }

    /// <summary>The blocks of a file; null when it is not, or not to its end, made of our members.</summary>
    public static JsonlBlock[]? ReadBlocks(SafeFileHandle file)
    {
        var (length, offset) = (RandomAccess.GetLength(file), 0L);
        List<JsonlBlock> blocks = [];
        var header = new byte[16 + ushort.MaxValue];
        while (offset < length)
        {
            var read = RandomAccess.Read(file, header.AsSpan(0, 512), offset);
            if (read < 16 + Fixed || header[0] != 0x1f || header[1] != 0x8b || header[3] != ExtraFlag || !header.AsSpan(12, 2).SequenceEqual(Mark)
                || header[16] != Version)
            {
                return null;
            }

            var extra = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(14));
            if (16 + extra > read && RandomAccess.Read(file, header.AsSpan(0, 16 + extra), offset) < 16 + extra)
            {
                return null;
            }

            var block = Block(header.AsSpan(16, extra), offset, blocks.Count == 0 ? [] : blocks[^1].Models);
            if (block is null || block.Length < 16 + extra || block.Length > length - offset)
            {
                return null;
            }

            blocks.Add(block);
            offset += block.Length;
        }

        return [.. blocks];
    }

    private static byte[] Payload(JsonlBlock block)
    {
        var size = (block.Models ?? []).Sum(model => 2 + Encoding.UTF8.GetByteCount(model));
        if (size > MaxModelBytes)
        {
            return Payload(block with { Models = null });
        }

        var bytes = new byte[Fixed + size];
        // Four bytes for the member's length, which is known last, stand behind the version.
        bytes[0] = Version;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(5), block.RawLength);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(9), block.Count);
        var at = 13;
        foreach (var number in (ReadOnlySpan<long>)[block.MinId, block.MaxId, block.MinTime, block.MaxTime, block.OldestText])
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), number);
            at += sizeof(long);
        }

        // Bytes 53 to 59 are kept for later.
        bytes[Fixed - 1] = (byte)(block.Models?.Length ?? TooManyModels);
        at = Fixed;
        foreach (var model in block.Models ?? [])
        {
            var length = Encoding.UTF8.GetBytes(model, bytes.AsSpan(at + 2));
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), (ushort)length);
            at += 2 + length;
        }

        return bytes;
    }

    /// <param name="payload">The subfield.</param>
    /// <param name="offset">Where the member begins.</param>
    /// <param name="neighbours">The models of the block before, whose texts are taken again: they are nearly always the same.</param>
    private static JsonlBlock? Block(ReadOnlySpan<byte> payload, long offset, string[]? neighbours)
    {
        if (payload.Length < Fixed)
        {
            return null;
        }

        string[]? models = payload[Fixed - 1] == TooManyModels ? null : new string[payload[Fixed - 1]];
        var at = Fixed;
        for (var index = 0; index < models?.Length; index++)
        {
            if (payload.Length < at + 2 || payload.Length < at + 2 + BinaryPrimitives.ReadUInt16LittleEndian(payload[at..]))
            {
                return null;
            }

            var length = BinaryPrimitives.ReadUInt16LittleEndian(payload[at..]);
            models[index] = Encoding.UTF8.GetString(payload.Slice(at + 2, length));
            at += 2 + length;
        }

        return new JsonlBlock
        {
            Offset = offset,
            Length = BinaryPrimitives.ReadInt32LittleEndian(payload[1..]),
            RawLength = BinaryPrimitives.ReadInt32LittleEndian(payload[5..]),
            Count = BinaryPrimitives.ReadInt32LittleEndian(payload[9..]),
            MinId = BinaryPrimitives.ReadInt64LittleEndian(payload[13..]),
            MaxId = BinaryPrimitives.ReadInt64LittleEndian(payload[21..]),
            MinTime = BinaryPrimitives.ReadInt64LittleEndian(payload[29..]),
            MaxTime = BinaryPrimitives.ReadInt64LittleEndian(payload[37..]),
            OldestText = BinaryPrimitives.ReadInt64LittleEndian(payload[45..]),
            Models = models is not null && neighbours is not null && models.AsSpan().SequenceEqual(neighbours) ? neighbours : models,
        };
    }
}
