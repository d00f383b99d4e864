namespace OllamaProxy.Application.Analytics;

/// <summary>Times and durations as stores keep them: whole microseconds, of times since the Unix epoch.</summary>
public static class Micros
{
    /// <summary>The last microsecond that has begun.</summary>
    public static long Of(DateTimeOffset instant) => Of(instant - DateTimeOffset.UnixEpoch);

    public static long Of(TimeSpan duration) => (duration.Ticks - Remainder(duration)) / TimeSpan.TicksPerMicrosecond;

    public static long From(DateTimeOffset instant) => From(instant - DateTimeOffset.UnixEpoch);

    /// <summary>Rounded up, for the lower end of a range: ranges include both ends.</summary>
    public static long From(TimeSpan duration) => Of(duration) + (Remainder(duration) > 0 ? 1 : 0);

    public static DateTimeOffset Instant(long micros) => DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);

    public static TimeSpan Duration(long micros) => TimeSpan.FromTicks(micros * TimeSpan.TicksPerMicrosecond);

    private static long Remainder(TimeSpan duration) =>
        ((duration.Ticks % TimeSpan.TicksPerMicrosecond) + TimeSpan.TicksPerMicrosecond) % TimeSpan.TicksPerMicrosecond;
}
