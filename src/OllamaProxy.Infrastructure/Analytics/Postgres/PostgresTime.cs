namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Instants and durations as PostgreSQL has them: whole microseconds.</summary>
internal static class PostgresTime
{
    /// <summary>The last microsecond that has begun.</summary>
    public static DateTime Instant(DateTimeOffset instant) => instant.UtcDateTime.AddTicks(-(instant.UtcTicks % TimeSpan.TicksPerMicrosecond));

    /// <summary>The first whole microsecond that is not before an instant.</summary>
    public static DateTime InstantFrom(DateTimeOffset instant) =>
        instant.UtcTicks % TimeSpan.TicksPerMicrosecond == 0 ? instant.UtcDateTime : Instant(instant).AddTicks(TimeSpan.TicksPerMicrosecond);

    public static DateTimeOffset Instant(DateTime instant) => new(DateTime.SpecifyKind(instant, DateTimeKind.Utc));

    public static long Micros(TimeSpan duration) => duration.Ticks / TimeSpan.TicksPerMicrosecond;

    public static TimeSpan Duration(long micros) => TimeSpan.FromTicks(micros * TimeSpan.TicksPerMicrosecond);

    public static DateTime HourOf(DateTime instant) => new(instant.Ticks - (instant.Ticks % TimeSpan.TicksPerHour), DateTimeKind.Utc);

    public static DateOnly DayOf(DateTime instant) => DateOnly.FromDateTime(instant);

    public static DateTime StartOf(DateOnly day) => day.ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc);
}
