using System.Buffers.Binary;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>
/// A histogram as a store keeps it: four bytes a bucket, little-endian, its number (16 bits, signed) and its count (16 bits). A bucket may occur more than
/// once: a higher count takes several entries, and two histograms one after the other are their sum. Bytes of any other origin decode to some counts and
/// never fail.
/// </summary>
internal static class HistogramBytes
{
    private const int Entry = 2 * sizeof(short);

    public static byte[] Of(LogHistogram histogram)
    {
        var bytes = new byte[Entry * histogram.Buckets().Sum(bucket => (bucket.Count + ushort.MaxValue - 1) / ushort.MaxValue)];
        var rest = bytes.AsSpan();
        foreach (var (bucket, count) in histogram.Buckets())
        {
            for (var left = count; left > 0; left -= ushort.MaxValue)
            {
                BinaryPrimitives.WriteInt16LittleEndian(rest, (short)bucket);
                BinaryPrimitives.WriteUInt16LittleEndian(rest[sizeof(short)..], (ushort)Math.Min(left, ushort.MaxValue));
                rest = rest[Entry..];
            }
        }

        return bytes;
    }

    /// <summary>Adds the counts of the bytes to a histogram.</summary>
    public static void AddTo(LogHistogram histogram, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= Entry; bytes = bytes[Entry..])
        {
            histogram.Add(BinaryPrimitives.ReadInt16LittleEndian(bytes), BinaryPrimitives.ReadUInt16LittleEndian(bytes[sizeof(short)..]));
        }
    }
}
