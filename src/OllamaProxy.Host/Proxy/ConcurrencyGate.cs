using System.Net;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Workers;

namespace OllamaProxy.Host.Proxy;

/// <summary>How an inference fared at the gate.</summary>
internal enum AdmissionResult
{
    /// <summary>The request may run. It has a slot, to be given back with <see cref="ConcurrencyGate.Leave"/>, unless it needs none.</summary>
    Admitted,

    /// <summary>All slots are taken and the queue has no place for this client.</summary>
    QueueFull,

    /// <summary>The queue was full, and a client that had no place took this one.</summary>
    Displaced,

    /// <summary>It waited for as long as a request may.</summary>
    QueueTimeout,

    /// <summary>The client disconnected while it waited.</summary>
    Cancelled,

    /// <summary>The proxy is stopping, and the grace was over before the turn came.</summary>
    Stopping,
}

/// <param name="Result">How it fared.</param>
/// <param name="Waited">Time in the queue; zero without a wait, null for a request that did not ask for a slot.</param>
/// <param name="SlotSince">When the slot was taken, as a timestamp; null without one.</param>
internal readonly record struct Admission(AdmissionResult Result, TimeSpan? Waited = null, long? SlotSince = null)
{
    /// <summary>For requests that run no model.</summary>
    public static Admission NotNeeded => default;
}

/// <summary>
/// Limits how many inferences run at once. While all slots are taken, inferences wait in a <see cref="FairQueue{TGroup,TMember,TItem}"/>: addresses take
/// turns, and within an address its applications and credentials. A slot that is given back goes straight to the next in the queue, so no request overtakes.
/// At a stop nothing changes while the grace lasts; requests that still wait at its end are answered.
/// A client that disconnects leaves the queue at once, unless so much of its body is in flight that Kestrel has stopped reading. The end of the connection
/// is behind those bytes then, and is seen when the turn has come and the body is read.
/// </summary>
internal sealed class ConcurrencyGate(GateOptions options, ProxyMetrics metrics, GraceEnd grace, TimeProvider time)
{
    private const int LongestRetry = 60;

    /// <summary>The weight of one held slot in the moving mean.</summary>
    private const double Weight = 1.0 / 16;

    /// <summary>
    /// How long a request waits for a slot when there is no queue. A client may disconnect at its last event and send the next request before the proxy has
    /// seen the end of the first; it must not be refused because of a slot that is being given back.
    /// </summary>
    internal static readonly TimeSpan HandOver = TimeSpan.FromMilliseconds(100);

    private readonly bool _hasQueue = options.MaxQueued > 0;

    private readonly TimeSpan _timeout =
        options.MaxQueued == 0 ? HandOver :
        options.QueueTimeout > TimeSpan.Zero ? options.QueueTimeout :
        Timeout.InfiniteTimeSpan;

    private readonly Lock _changing = new();

    /// <summary>Each waiting request, completed with true when it gets a slot and with false when it loses its place.</summary>
    private readonly FairQueue<IPAddress, ClientKey, TaskCompletionSource<bool>> _queue = new(options.MaxQueued > 0 ? options.MaxQueued : options.MaxConcurrent);

    /// <summary>Slots that are free. While a request waits there are none.</summary>
    private int _free = options.MaxConcurrent;

    /// <summary>The queue's length, for readers without the lock.</summary>
    private int _waiting;

    /// <summary>Seconds a slot is held, a moving mean. Threads may overwrite each other's; it is only ever an estimate.</summary>
    private double _meanHold;

    /// <summary>Slots that are free. For tests.</summary>
    internal int Free => Volatile.Read(ref _free);

    /// <summary>Requests that wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Asks for a slot, and waits for one if need be. A free slot is given at once, without an allocation.</summary>
    public ValueTask<Admission> EnterAsync(ApiEndpoint endpoint, HttpContext context)
    {
        lock (_changing)
        {
            if (_free > 0)
            {
                _free--;
                return ValueTask.FromResult(Admit(endpoint, TimeSpan.Zero));
            }
        }

        return WaitAsync(endpoint, context);
    }

    /// <summary>Gives back the slot that <see cref="EnterAsync"/> gave, if it gave one.</summary>
    public void Leave(ApiEndpoint endpoint, Admission admission)
    {
        if (admission.SlotSince is not { } since)
        {
            return;
        }

        metrics.SlotReturned(endpoint);
        var held = time.GetElapsedTime(since).TotalSeconds;
        var mean = Volatile.Read(ref _meanHold);
        Volatile.Write(ref _meanHold, mean == 0 ? held : mean + ((held - mean) * Weight));
        PassOn();
    }

    /// <summary>
    /// When a request that is turned away now would most likely get a slot: after those that wait. 1 s to 1 min: an estimate must not keep a client away for
    /// long, and the SDKs do not follow a longer one.
    /// </summary>
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

    private async ValueTask<Admission> WaitAsync(ApiEndpoint endpoint, HttpContext context)
    {
        // The thread that releases a slot must not run the request that gets it.
        var turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var place = Join(ClientKey.Of(context), turn);
        if (turn.Task.IsCompleted)
        {
            return Admit(endpoint, TimeSpan.Zero);
        }

        if (place is null)
        {
            return Reject(endpoint, AdmissionResult.QueueFull, TimeSpan.Zero);
        }

        var began = time.GetTimestamp();
        metrics.WaitStarted(endpoint);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, grace.Token);
        await ((Task)turn.Task.WaitAsync(_timeout, time, giveUp.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        metrics.WaitEnded(endpoint);
        var waited = time.GetElapsedTime(began);
        var hasLeft = Quit(place);
        var hasSlot = !hasLeft && await turn.Task;
        if (context.RequestAborted.IsCancellationRequested)
        {
            // The turn may have come in the same moment.
            if (hasSlot)
            {
                PassOn();
            }

            return NotAdmitted(endpoint, AdmissionResult.Cancelled, waited);
        }

        return
            hasSlot ? Admit(endpoint, waited) :
            !hasLeft ? Reject(endpoint, _hasQueue ? AdmissionResult.Displaced : AdmissionResult.QueueFull, waited) :
            grace.IsOver ? NotAdmitted(endpoint, AdmissionResult.Stopping, waited) :
            Reject(endpoint, _hasQueue ? AdmissionResult.QueueTimeout : AdmissionResult.QueueFull, waited);
    }

    /// <summary>Takes a slot that came free in the meantime, which completes the turn, or joins the queue. Null without a place.</summary>
    private FairQueue<IPAddress, ClientKey, TaskCompletionSource<bool>>.Place? Join(ClientKey client, TaskCompletionSource<bool> turn)
    {
        lock (_changing)
        {
            if (_free > 0)
            {
                _free--;
                turn.SetResult(true);
                return null;
            }

            var place = _queue.TryAdd(client.Address, client, turn, out var displaced);
            displaced?.SetResult(false);
            Volatile.Write(ref _waiting, _queue.Count);
            return place;
        }
    }

    /// <summary>Leaves the queue. False when the turn has come, or the place is lost.</summary>
    private bool Quit(FairQueue<IPAddress, ClientKey, TaskCompletionSource<bool>>.Place place)
    {
        lock (_changing)
        {
            var hasLeft = _queue.Leave(place);
            Volatile.Write(ref _waiting, _queue.Count);
            return hasLeft;
        }
    }

    /// <summary>Gives a slot to the next in the queue.</summary>
    private void PassOn()
    {
        lock (_changing)
        {
            if (_queue.Take() is { } next)
            {
                Volatile.Write(ref _waiting, _queue.Count);
                next.SetResult(true);
            }
            else
            {
                _free++;
            }
        }
    }

    private Admission Admit(ApiEndpoint endpoint, TimeSpan waited)
    {
        metrics.SlotTaken(endpoint);
        metrics.Waited(endpoint, waited);
        return new Admission(AdmissionResult.Admitted, waited, time.GetTimestamp());
    }

    private Admission Reject(ApiEndpoint endpoint, AdmissionResult result, TimeSpan waited)
    {
        metrics.Rejected(endpoint, result == AdmissionResult.QueueTimeout ? RejectionReason.QueueTimeout : RejectionReason.QueueFull);
        return NotAdmitted(endpoint, result, waited);
    }

    private Admission NotAdmitted(ApiEndpoint endpoint, AdmissionResult result, TimeSpan waited)
    {
        metrics.Waited(endpoint, waited);
        return new Admission(result, waited);
    }
}
