using System.Buffers.Text;

namespace OllamaProxy.Application.Protocols;

/// <summary>Numbers as they stand in JSON; null for what is none, or does not fit.</summary>
internal static class JsonNumber
{
    public static int? Int32(ReadOnlySpan<byte> token) => Int64(token) is { } value and >= int.MinValue and <= int.MaxValue ? (int)value : null;

    public static long? Int64(ReadOnlySpan<byte> token) => Utf8Parser.TryParse(token, out long value, out var used) && used == token.Length ? value : null;

    public static double? Double(ReadOnlySpan<byte> token) =>
        Utf8Parser.TryParse(token, out double value, out var used) && used == token.Length && double.IsFinite(value) ? value : null;

    /// <summary>Ollama's durations are whole nanoseconds; a zero is never written, so one that is there is taken as unknown. The clock here ticks in 100 ns.</summary>
    public static TimeSpan? Nanoseconds(ReadOnlySpan<byte> token) => Int64(token) is > 0 and { } value ? TimeSpan.FromTicks(value / TimeSpan.NanosecondsPerTick) : null;
}
