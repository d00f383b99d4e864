using System.Threading.RateLimiting;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Workers;

namespace OllamaProxy.Host.Proxy;

/// <summary>What the gate said.</summary>
internal enum AdmissionResult
{
    /// <summary>The request has a slot, to be given back with <see cref="ConcurrencyGate.Leave"/>.</summary>
    Admitted,

    /// <summary>All slots are taken and the line is full.</summary>
    QueueFull,

    /// <summary>It waited for as long as a request may.</summary>
    QueueTimeout,

    /// <summary>The client left while it waited, or its connection was ended.</summary>
    Cancelled,

    /// <summary>The proxy stops, and the grace was over before the turn came.</summary>
    Stopping,
}

/// <param name="Result">What the gate said.</param>
/// <param name="Waited">Time in the line; zero without a wait, null for what needs no slot.</param>
/// <param name="Since">When the slot was taken, as a timestamp.</param>
/// <param name="Lease">The slot; null without one.</param>
internal readonly record struct Admission(AdmissionResult Result, TimeSpan? Waited, long Since, RateLimitLease? Lease)
{
    /// <summary>For everything that runs no model.</summary>
    public static Admission NotNeeded => default;
}

/// <summary>
/// Lets so many inferences run at once. The limiter counts; who comes next when a slot is free says our own <see cref="WaitingLine{TClient,TItem}"/>,
/// because the limiter's queue knows no clients, and one script could fill it. While somebody waits nobody passes by.
/// At a stop nothing changes while the grace lasts: what runs ends, and what waits has its turn. Who still waits at its end is told so.
/// A client that leaves is missed at once, unless more of its body is under way than Kestrel takes in unread (2 MB): the end of the connection is behind it
/// then, and seen when the turn has come and the body is read.
/// </summary>
internal sealed class ConcurrencyGate(GateOptions options, ProxyMetrics metrics, GraceEnd grace, TimeProvider time) : IDisposable
{
    private const int LongestRetry = 60;

    /// <summary>One held slot counts this part in the mean.</summary>
    private const double Weight = 1.0 / 16;

    private readonly ConcurrencyLimiter _limiter = new(new ConcurrencyLimiterOptions { PermitLimit = options.MaxConcurrent, QueueLimit = 0 });
    private readonly TimeSpan _timeout = options.QueueTimeout > TimeSpan.Zero ? options.QueueTimeout : Timeout.InfiniteTimeSpan;
    private readonly WaitingLine<ClientKey, TaskCompletionSource<RateLimitLease>> _line = new(options.MaxQueued);
    private readonly Lock _changing = new();

    /// <summary>The line's length for those who do not hold the lock.</summary>
    private int _waiting;

    /// <summary>Seconds a slot is held, a moving mean. Threads may overwrite each other's; it is only ever an estimate.</summary>
    private double _meanHold;

    /// <summary>Slots that are free. For tests.</summary>
    internal long Free => _limiter.GetStatistics()!.CurrentAvailablePermits;

    /// <summary>Requests that wait.</summary>
    internal int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Asks for a slot, and waits for it if need be. Without a wait nothing but the lease is made, and the answer is there at once.</summary>
    public ValueTask<Admission> EnterAsync(ApiEndpoint endpoint, HttpContext context)
    {
        if (Waiting == 0 && _limiter.AttemptAcquire() is { IsAcquired: true } lease)
        {
            return ValueTask.FromResult(Admit(endpoint, lease, TimeSpan.Zero));
        }

        return WaitAsync(endpoint, context);
    }

    /// <summary>Gives back what <see cref="EnterAsync"/> gave; for a request that was not admitted there is nothing to give back.</summary>
    public void Leave(ApiEndpoint endpoint, Admission admission)
    {
        if (admission.Lease is not { } lease)
        {
            return;
        }

        metrics.SlotReturned(endpoint);
        var held = time.GetElapsedTime(admission.Since).TotalSeconds;
        var mean = Volatile.Read(ref _meanHold);
        Volatile.Write(ref _meanHold, mean == 0 ? held : mean + ((held - mean) * Weight));
        Return(lease);
    }

    /// <summary>
    /// When a request that is turned away now would most likely get a slot: after those that wait. 1 s to 1 min: a guess must not keep anybody away for long,
    /// and the SDKs do not follow a longer one.
    /// </summary>
    public TimeSpan RetryAfter() =>
        TimeSpan.FromSeconds(Math.Clamp((Waiting + 1) * Volatile.Read(ref _meanHold) / options.MaxConcurrent, 1, LongestRetry));

    /// <summary>The reason in words, with the settings that decide it.</summary>
    public string WhyNot(AdmissionResult result) => result == AdmissionResult.QueueTimeout
        ? $"no slot came free within {options.QueueTimeout.TotalSeconds} s (QUEUE_TIMEOUT_SECONDS)"
        : $"{options.MaxConcurrent} requests are running (MAX_CONCURRENT_REQUESTS) and {options.MaxQueued} are waiting (MAX_QUEUED_REQUESTS)";

    public void Dispose() => _limiter.Dispose();

    private async ValueTask<Admission> WaitAsync(ApiEndpoint endpoint, HttpContext context)
    {
        var client = ClientKey.Of(context);
        // The releasing thread must not run the request it lets in.
        var turn = new TaskCompletionSource<RateLimitLease>(TaskCreationOptions.RunContinuationsAsynchronously);
        var place = Join(client, turn);
        if (place is null)
        {
            metrics.Rejected(endpoint, RejectionReason.QueueFull);
            return NotAdmitted(endpoint, AdmissionResult.QueueFull, TimeSpan.Zero);
        }

        if (turn.Task.IsCompleted)
        {
            return Admit(endpoint, await turn.Task, TimeSpan.Zero);
        }

        var began = time.GetTimestamp();
        metrics.WaitStarted(endpoint);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, grace.Token);
        await ((Task)turn.Task.WaitAsync(_timeout, time, giveUp.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        metrics.WaitEnded(endpoint);
        var waited = time.GetElapsedTime(began);
        if (Quit(place))
        {
            if (context.RequestAborted.IsCancellationRequested)
            {
                return NotAdmitted(endpoint, AdmissionResult.Cancelled, waited);
            }

            if (grace.IsOver)
            {
                return NotAdmitted(endpoint, AdmissionResult.Stopping, waited);
            }

            metrics.Rejected(endpoint, RejectionReason.QueueTimeout);
            return NotAdmitted(endpoint, AdmissionResult.QueueTimeout, waited);
        }

        // The turn came, perhaps in the same moment as something else: who left does not run, who was about to give up does.
        var lease = await turn.Task;
        if (context.RequestAborted.IsCancellationRequested)
        {
            Return(lease);
            return NotAdmitted(endpoint, AdmissionResult.Cancelled, waited);
        }

        return Admit(endpoint, lease, waited);
    }

    private WaitingLine<ClientKey, TaskCompletionSource<RateLimitLease>>.Place? Join(ClientKey client, TaskCompletionSource<RateLimitLease> turn)
    {
        lock (_changing)
        {
            var place = _line.TryAdd(client, turn);
            if (place is not null)
            {
                // Seen by whoever gives a slot back from now on; a slot given back before is taken by the attempt that follows. Else the last one to join
                // and the last one to leave could miss each other, and a free slot would have somebody waiting for it for ever.
                Interlocked.Exchange(ref _waiting, _line.Count);
                LetIn();
            }

            return place;
        }
    }

    private bool Quit(WaitingLine<ClientKey, TaskCompletionSource<RateLimitLease>>.Place place)
    {
        lock (_changing)
        {
            var left = _line.Leave(place);
            Volatile.Write(ref _waiting, _line.Count);
            return left;
        }
    }

    private void Return(RateLimitLease lease)
    {
        lease.Dispose();
        // The counterpart of the exchange in Join.
        Interlocked.MemoryBarrier();
        if (Waiting > 0)
        {
            lock (_changing)
            {
                LetIn();
            }
        }
    }

    /// <summary>Gives free slots to those who wait, in order. Called with the lock held.</summary>
    private void LetIn()
    {
        while (_line.Count > 0 && _limiter.AttemptAcquire() is { IsAcquired: true } lease && _line.TryTake(out var turn))
        {
            Volatile.Write(ref _waiting, _line.Count);
            turn!.SetResult(lease);
        }
    }

    private Admission Admit(ApiEndpoint endpoint, RateLimitLease lease, TimeSpan waited)
    {
        metrics.SlotTaken(endpoint);
        metrics.Waited(endpoint, waited);
        return new Admission(AdmissionResult.Admitted, waited, time.GetTimestamp(), lease);
    }

    private Admission NotAdmitted(ApiEndpoint endpoint, AdmissionResult result, TimeSpan waited)
    {
        metrics.Waited(endpoint, waited);
        return new Admission(result, waited, Since: 0, Lease: null);
    }
}
