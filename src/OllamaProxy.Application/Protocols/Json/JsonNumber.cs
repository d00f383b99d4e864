using System.Buffers.Text;
using System.Globalization;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>
/// Parses JSON numbers and literals; null when invalid or out of range. An integer may be written as <c>8192.0</c> or <c>8.192e3</c>, as languages without
/// integers do.
/// </summary>
internal static class JsonNumber
{
    public static int? Int32(ReadOnlySpan<byte> token) => Int64(token) is { } value and >= int.MinValue and <= int.MaxValue ? (int)value : null;

    /// <summary>Ollama omits a count of zero, so zero means unknown.</summary>
    public static int? Count(ReadOnlySpan<byte> token) => Int32(token) is > 0 and { } count ? count : null;

    public static long? Int64(ReadOnlySpan<byte> token) =>
        Utf8Parser.TryParse(token, out long value, out var used) && used == token.Length ? value :
        Decimal(token) is { } number && decimal.IsInteger(number) && number is >= long.MinValue and <= long.MaxValue ? (long)number :
        null;

    public static double? Double(ReadOnlySpan<byte> token) =>
        Utf8Parser.TryParse(token, out double value, out var used) && used == token.Length && double.IsFinite(value) ? value : null;

    /// <summary>True for a number, <c>true</c>, <c>false</c> and <c>null</c>.</summary>
    public static bool IsToken(ReadOnlySpan<byte> token) =>
        token[0] is (byte)'-' or (>= (byte)'0' and <= (byte)'9')
            ? Utf8Parser.TryParse(token, out double _, out var used) && used == token.Length
            : token.SequenceEqual("true"u8) || token.SequenceEqual("false"u8) || token.SequenceEqual("null"u8);

    /// <summary>
    /// Ollama's durations are integer nanoseconds; other servers write fractions. Zero is never written by Ollama, so it means unknown. Ticks are 100 ns.
    /// </summary>
    public static TimeSpan? Nanoseconds(ReadOnlySpan<byte> token) =>
        (Int64(token) ?? Decimal(token)) is > 0 and <= long.MaxValue and { } value ? TimeSpan.FromTicks((long)value / TimeSpan.NanosecondsPerTick) : null;

    private static decimal? Decimal(ReadOnlySpan<byte> token) =>
        decimal.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;
}
