using System.Numerics;
using System.Runtime.InteropServices;

namespace OllamaProxy.Bench.Wire;

/// <summary>The checksum of everything that passes, by the processor's own instruction; the same however the bytes are cut.</summary>
internal static class Crc32C
{
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (var value in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }
}
