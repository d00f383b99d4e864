using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace OllamaProxy.FunctionalTests;

/// <summary>A clock that advances only in steps of the test, each to the end of a wait.</summary>
internal sealed class SteppingClock : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _waits = Channel.CreateUnbounded<TimeSpan>();

    public SteppingClock()
        : base(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero)) => Unstepped = new SameTime(this);

    /// <summary>The same time for components whose waits are not steps of the test.</summary>
    public TimeProvider Unstepped { get; }

    /// <summary>Waits until a timer is started, and advances the clock to its end.</summary>
    public async Task StepAsync(CancellationToken cancellationToken) => Advance(await _waits.Reader.ReadAsync(cancellationToken));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        // Periodic timers belong to background work and never fire here.
        if (dueTime > TimeSpan.Zero && period == Timeout.InfiniteTimeSpan)
        {
            _waits.Writer.TryWrite(dueTime);
        }

        return timer;
    }

    private ITimer CreateSilently(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime, period);

    private sealed class SameTime(SteppingClock clock) : TimeProvider
    {
        public override long TimestampFrequency => clock.TimestampFrequency;

        public override TimeZoneInfo LocalTimeZone => clock.LocalTimeZone;

        public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();

        public override long GetTimestamp() => clock.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            clock.CreateSilently(callback, state, dueTime, period);
    }
}
