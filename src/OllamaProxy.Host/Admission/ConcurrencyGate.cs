using System.Net;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Workers;

namespace OllamaProxy.Host.Admission;

internal enum AdmissionResult
{
    /// <summary>The request may run. If it needs a slot, it has one until <see cref="ConcurrencyGate.Leave"/>.</summary>
    Admitted,

    /// <summary>All slots are taken, and the queue has no place for this client.</summary>
    QueueFull,

    /// <summary>The queue was full, and a client without a place took this one.</summary>
    Displaced,
    QueueTimeout,

    /// <summary>The client disconnected while it waited.</summary>
    Cancelled,

    /// <summary>The proxy is stopping, and the grace ended before the request's turn.</summary>
    Stopping,
}

/// <param name="Result">Whether the request may run.</param>
/// <param name="Waited">Time in the queue; null for a request that needs no slot.</param>
/// <param name="SlotSince">When the slot was taken, as a timestamp; null without one.</param>
internal readonly record struct AdmissionOutcome(AdmissionResult Result, TimeSpan? Waited = null, long? SlotSince = null)
{
    /// <summary>For requests that run no model.</summary>
    public static AdmissionOutcome NotNeeded => default;
}

/// <summary>
/// Limits how many inferences run at once. While all slots are taken, inferences wait in a <see cref="FairQueue{TGroup,TMember,TItem}"/>: addresses take
/// turns, and within an address its applications and credentials. A returned slot goes straight to the next in the queue, so no request overtakes.
/// Requests that still wait when the grace of a stop ends get a reply.
/// A client that disconnects leaves the queue at once, unless Kestrel has stopped reading a large body. Then the proxy sees the end of the connection only
/// when it reads that body, at the request's turn.
/// </summary>
internal sealed class ConcurrencyGate(GateOptions options, ProxyMetrics metrics, GraceEnd grace, TimeProvider time)
{
    private const int LongestRetry = 60;

    /// <summary>The weight of one held slot in the moving mean.</summary>
    private const double Weight = 1.0 / 16;

    /// <summary>
    /// How long a request waits for a slot when there is no queue. A client may send its next request before the proxy has seen the end of the last one.
    /// </summary>
    internal static readonly TimeSpan HandOver = TimeSpan.FromMilliseconds(100);

    private readonly bool _hasQueue = options.MaxQueued > 0;

    private readonly TimeSpan _timeout =
        options.MaxQueued == 0 ? HandOver :
        options.QueueTimeout > TimeSpan.Zero ? options.QueueTimeout :
        Timeout.InfiniteTimeSpan;

    private readonly Lock _changing = new();

    /// <summary>Each waiting request, completed with true when it gets a slot and with false when it loses its place.</summary>
    private readonly FairQueue<IPAddress, ClientKey, TaskCompletionSource<bool>> _queue =
        new(options.MaxQueued > 0 ? options.MaxQueued : options.MaxConcurrent);

    /// <summary>Free slots; none while a request waits.</summary>
    private int _free = options.MaxConcurrent;

    /// <summary>Mean seconds that a slot is held. An estimate: threads may overwrite each other's.</summary>
    private double _meanHold;

    internal int Free => Volatile.Read(ref _free);

    public int Waiting => _queue.Count;

    /// <summary>Asks for a slot, and waits for one if need be. A free slot costs no allocation.</summary>
    public ValueTask<AdmissionOutcome> EnterAsync(ApiEndpoint endpoint, HttpContext context)
    {
        TaskCompletionSource<bool> turn;
        FairQueue<IPAddress, ClientKey, TaskCompletionSource<bool>>.Place? place;
        lock (_changing)
        {
            if (_free > 0)
            {
                _free--;
                return ValueTask.FromResult(Admit(endpoint, TimeSpan.Zero));
            }

            // The thread that releases a slot must not run the request that gets it.
            turn = new(TaskCreationOptions.RunContinuationsAsynchronously);
            var client = ClientKey.Of(context);
            place = _queue.TryAdd(client.Address, client, turn, out var displaced);
            displaced?.SetResult(false);
        }

        return place is null
            ? ValueTask.FromResult(Refuse(endpoint, AdmissionResult.QueueFull, TimeSpan.Zero))
            : WaitAsync(endpoint, place, turn.Task, context.RequestAborted);
    }

    /// <summary>Returns the slot that <see cref="EnterAsync"/> gave, if it gave one.</summary>
    public void Leave(ApiEndpoint endpoint, AdmissionOutcome admission)
    {
        if (admission.SlotSince is not { } since)
        {
            return;
        }

        metrics.CountSlotReturned(endpoint);
        var held = time.GetElapsedTime(since).TotalSeconds;
        var mean = Volatile.Read(ref _meanHold);
        Volatile.Write(ref _meanHold, mean == 0 ? held : mean + ((held - mean) * Weight));
        PassOn();
    }

    /// <summary>Estimates when a request that is refused now would get a slot: at most 1 min, because SDKs ignore a longer time.</summary>
    public TimeSpan RetryAfter() =>
        TimeSpan.FromSeconds(Math.Clamp((Waiting + 1) * Volatile.Read(ref _meanHold) / options.MaxConcurrent, 1, LongestRetry));

    /// <summary>The reason in words, with the settings that decide it.</summary>
    public string WhyNot(AdmissionResult result) => result switch
    {
        AdmissionResult.QueueTimeout => $"no slot became free within {options.QueueTimeout.TotalSeconds} s (QUEUE_TIMEOUT_SECONDS)",
        AdmissionResult.Displaced => $"{Requests(options.MaxQueued)} queued (MAX_QUEUED_REQUESTS), and a client without a place took this client's newest one",
        _ => $"{Requests(options.MaxConcurrent)} running (MAX_CONCURRENT_REQUESTS) and {Requests(options.MaxQueued)} queued (MAX_QUEUED_REQUESTS)",
    };

    private static string Requests(int count) => count == 1 ? "1 request is" : $"{count} requests are";

    private async ValueTask<AdmissionOutcome> WaitAsync(
        ApiEndpoint endpoint, FairQueue<IPAddress, ClientKey, TaskCompletionSource<bool>>.Place place, Task<bool> turn, CancellationToken aborted)
    {
        var began = time.GetTimestamp();
        metrics.CountQueued(endpoint);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(aborted, grace.Token);
        await ((Task)turn.WaitAsync(_timeout, time, giveUp.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        metrics.CountDequeued(endpoint);
        var waited = time.GetElapsedTime(began);
        bool hasLeft;
        lock (_changing)
        {
            hasLeft = _queue.Leave(place);
        }

        // Otherwise the turn has come, or the place was lost.
        var hasSlot = !hasLeft && await turn;
        if (hasSlot && aborted.IsCancellationRequested)
        {
            PassOn();
        }

        return
            aborted.IsCancellationRequested ? Refuse(endpoint, AdmissionResult.Cancelled, waited) :
            hasSlot ? Admit(endpoint, waited) :
            !hasLeft ? Refuse(endpoint, _hasQueue ? AdmissionResult.Displaced : AdmissionResult.QueueFull, waited) :
            grace.IsOver ? Refuse(endpoint, AdmissionResult.Stopping, waited) :
            Refuse(endpoint, _hasQueue ? AdmissionResult.QueueTimeout : AdmissionResult.QueueFull, waited);
    }

    /// <summary>Gives a slot to the next in the queue.</summary>
    private void PassOn()
    {
        lock (_changing)
        {
            if (_queue.Take() is { } next)
            {
                next.SetResult(true);
            }
            else
            {
                _free++;
            }
        }
    }

    private AdmissionOutcome Admit(ApiEndpoint endpoint, TimeSpan waited)
    {
        metrics.CountSlotTaken(endpoint);
        metrics.RecordQueueWait(endpoint, waited);
        return new AdmissionOutcome(AdmissionResult.Admitted, waited, time.GetTimestamp());
    }

    private AdmissionOutcome Refuse(ApiEndpoint endpoint, AdmissionResult result, TimeSpan waited)
    {
        if (result is not (AdmissionResult.Cancelled or AdmissionResult.Stopping))
        {
            metrics.CountRejection(endpoint, result == AdmissionResult.QueueTimeout ? RejectionReason.QueueTimeout : RejectionReason.QueueFull);
        }

        metrics.RecordQueueWait(endpoint, waited);
        return new AdmissionOutcome(result, waited);
    }
}
