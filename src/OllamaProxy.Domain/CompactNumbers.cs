using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace OllamaProxy.Domain;

/// <summary>Numbers as bytes, small ones in few: seven bits to a byte, the lowest first. What is read is small enough to be added up.</summary>
public static class CompactNumbers
{
    /// <summary>Nothing that is counted here comes near: what is greater was never written.</summary>
    private const long Greatest = 1L << 53;

    /// <summary>Appends a number that is not negative.</summary>
    public static void Append(List<byte> bytes, long number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        for (; number > 0x7F; number >>= 7)
        {
            bytes.Add((byte)(number | 0x80));
        }

        bytes.Add((byte)number);
    }

    public static void Append(List<byte> bytes, double number)
    {
        Span<byte> eight = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(eight, number);
        bytes.AddRange(eight);
    }

    /// <summary>Takes a number from the front. Throws <see cref="FormatException"/> when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Take(ref ReadOnlySpan<byte> bytes)
    {
        // Most are that small.
        if (bytes is [< 0x80 and var small, ..])
        {
            bytes = bytes[1..];
            return small;
        }

        return TakeLong(ref bytes);
    }

    private static long TakeLong(ref ReadOnlySpan<byte> bytes)
    {
        var number = 0L;
        for (var index = 0; index < bytes.Length && index < 9; index++)
        {
            number |= (bytes[index] & 0x7FL) << (index * 7);
            if (bytes[index] < 0x80)
            {
                bytes = bytes[(index + 1)..];
                return number <= Greatest ? number : throw new FormatException("A number is too great.");
            }
        }

        throw new FormatException("A number has no end.");
    }

    /// <summary>Takes a finite floating-point number from the front. Throws <see cref="FormatException"/> when there is none.</summary>
    public static double TakeDouble(ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(double))
        {
            throw new FormatException("A number has no end.");
        }

        var number = BinaryPrimitives.ReadDoubleLittleEndian(bytes);
        bytes = bytes[sizeof(double)..];
        return double.IsFinite(number) ? number : throw new FormatException("A number is not finite.");
    }
}
