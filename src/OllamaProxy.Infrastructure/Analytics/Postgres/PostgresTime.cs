using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Times as PostgreSQL stores them: whole microseconds.</summary>
internal static class PostgresTime
{
    public static DateTime At(long micros) => DateTime.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);

    /// <summary>The last microsecond that has begun.</summary>
    public static DateTime Instant(DateTimeOffset instant) => At(Micros.Of(instant));

    /// <summary>The first microsecond that is not before it, for the lower end of a range.</summary>
    public static DateTime InstantFrom(DateTimeOffset instant) => At(Micros.From(instant));

    public static DateTimeOffset Instant(DateTime instant) => new(DateTime.SpecifyKind(instant, DateTimeKind.Utc));

    public static long MicrosOf(DateTime instant) => (instant.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTime HourOf(DateTime instant) => new(instant.Ticks - (instant.Ticks % TimeSpan.TicksPerHour), DateTimeKind.Utc);

    public static DateOnly DayOf(DateTime instant) => DateOnly.FromDateTime(instant);

    public static DateTime StartOf(DateOnly day) => day.ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc);
}
