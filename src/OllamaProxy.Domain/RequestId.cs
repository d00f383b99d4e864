using System.Buffers.Binary;

namespace OllamaProxy.Domain;

/// <summary>
/// Ids of exchanges: UUIDs of version 7 (RFC 9562, section 5.7) as 32 hexadecimal digits, which sort by time. They are no secrets. So their random bits need no
/// call to the kernel, which <see cref="Guid.CreateVersion7()"/> makes for each.
/// </summary>
public static class RequestId
{
    /// <summary>A new id.</summary>
    /// <param name="now">When the exchange began, with the precision of a millisecond.</param>
    public static string New(DateTimeOffset now)
    {
        Span<byte> bytes = stackalloc byte[16];
        Random.Shared.NextBytes(bytes);
        var version = (ushort)(0x7000 | (BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) & 0x0FFF));
        BinaryPrimitives.WriteUInt64BigEndian(bytes, ((ulong)now.ToUnixTimeMilliseconds() << 16) | version);
        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3F));
        return Convert.ToHexStringLower(bytes);
    }
}
