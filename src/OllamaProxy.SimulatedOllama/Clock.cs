using System.Globalization;

namespace OllamaProxy.SimulatedOllama;

/// <summary>Times and ids in Go's formats.</summary>
internal static class Clock
{
    /// <summary>RFC 3339 with nanoseconds.</summary>
    public static string Now(TimeProvider time) => Text(time.GetUtcNow());

    public static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff", CultureInfo.InvariantCulture) + "00Z";

    public static string Letters(int count) => string.Create(count, 0, static (span, _) =>
    {
        for (var at = 0; at < span.Length; at++)
        {
            span[at] = "abcdefghijklmnopqrstuvwxyz0123456789"[System.Security.Cryptography.RandomNumberGenerator.GetInt32(36)];
        }
    });

    public static string Hex(int bytes) => System.Security.Cryptography.RandomNumberGenerator.GetHexString(bytes * 2, lowercase: true);

    public static int Number(int below) => System.Security.Cryptography.RandomNumberGenerator.GetInt32(below);
}
