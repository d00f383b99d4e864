using System.Text.Json.Serialization;
using System.Threading.Channels;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Analytics;

/// <summary>A running request as <c>/analytics/live</c> tells of it.</summary>
internal sealed record RunningJson(
    [property: JsonPropertyName("request_id")] string RequestId,
    [property: JsonPropertyName("phase")] string Phase,
    [property: JsonPropertyName("started_at")] DateTimeOffset StartedAt,
    [property: JsonPropertyName("endpoint")] string Endpoint,
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("model")] string? Model,
    [property: JsonPropertyName("client_ip")] string? ClientIp,
    [property: JsonPropertyName("user_agent")] string? UserAgent,
    [property: JsonPropertyName("application")] string? Application,
    [property: JsonPropertyName("elapsed")] double Elapsed,
    [property: JsonPropertyName("output_tokens")] int OutputTokens)
{
    public static RunningJson Of(RunningRequest request, ModelNames models)
    {
        var exchange = request.Exchange;
        return new RunningJson(
            exchange.Id,
            request.Phase switch { RequestPhase.Queued => "queued", RequestPhase.Waiting => "waiting", RequestPhase.Writing => "writing", _ => "ended" },
            exchange.StartedAt,
            exchange.Endpoint.Label,
            exchange.Method,
            models.DisplayOf(ModelName.Normalize(exchange.Model)),
            exchange.ClientAddress,
            // As a record would have it.
            TextCut.Beginning(exchange.UserAgent, 500),
            ApplicationNames.Of(exchange.UserAgent),
            exchange.Clock.GetElapsedTime(exchange.Started).TotalSeconds,
            request.Tokens);
    }
}

/// <summary>How many events a subscriber did not take in time.</summary>
internal sealed record MissedJson([property: JsonPropertyName("count")] long Count);

/// <summary>Something for a subscriber; with neither part a sign that the connection lives.</summary>
internal readonly record struct LiveEvent(RunningJson? Request, RecordJson? Record);

/// <summary>Who wants to know what happens now. Nothing on the byte path waits for any of them; without one, nothing is made.</summary>
internal sealed class LiveFeed(RunningRequests running, ModelNames models, TimeProvider time)
{
    /// <summary>Each holds a connection and a queue.</summary>
    public const int MaxSubscribers = 100;

    private readonly Lock _changing = new();
    private LiveSubscriber[] _subscribers = [];

    public int Count => Volatile.Read(ref _subscribers).Length;

    /// <summary>A new subscriber, which knows what runs; null when there are enough.</summary>
    public LiveSubscriber? Subscribe()
    {
        var subscriber = new LiveSubscriber(running, models, time);
        lock (_changing)
        {
            if (_subscribers.Length >= MaxSubscribers)
            {
                return null;
            }

            Volatile.Write(ref _subscribers, [.. _subscribers, subscriber]);
        }

        subscriber.Begin();
        return subscriber;
    }

    public void Unsubscribe(LiveSubscriber subscriber)
    {
        subscriber.End();
        lock (_changing)
        {
            Volatile.Write(ref _subscribers, [.. _subscribers.Where(other => other != subscriber)]);
        }
    }

    public void Announce(RequestRecord record)
    {
        var subscribers = Volatile.Read(ref _subscribers);
        if (subscribers.Length == 0)
        {
            return;
        }

        var json = RecordJson.Of(record, models);
        foreach (var subscriber in subscribers)
        {
            subscriber.Recorded(json);
        }
    }
}

/// <summary>One subscriber's queue: bounded; who reads too slowly misses the oldest events and is told how many.</summary>
internal sealed class LiveSubscriber : IRunningRequestsListener
{
    public const int Capacity = 1_000;

    /// <summary>How often the progress of answers is told.</summary>
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(500);

    /// <summary>Ticks between two signs of life: 15 s, before anything on the way gives the connection up.</summary>
    private const int TicksOfSilence = 30;

    private readonly RunningRequests _running;
    private readonly ModelNames _models;
    private readonly ITimer _timer;
    private readonly Channel<LiveEvent> _events;

    /// <summary>What was told of each running request. Used under the lock of <see cref="RunningRequests"/>.</summary>
    private readonly Dictionary<ExchangeInProgress, (RequestPhase Phase, int Tokens, bool HasModel)> _told = [];

    private long _missed;
    private int _ticks;

    public LiveSubscriber(RunningRequests running, ModelNames models, TimeProvider time)
    {
        (_running, _models) = (running, models);
        _events = Channel.CreateBounded<LiveEvent>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _missed));
        _timer = time.CreateTimer(static state => ((LiveSubscriber)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public ChannelReader<LiveEvent> Events => _events.Reader;

    public void Begin()
    {
        _running.Subscribe(this);
        _timer.Change(s_tick, s_tick);
    }

    public void End()
    {
        _timer.Dispose();
        _running.Unsubscribe(this);
    }

    /// <summary>Events lost since the last call.</summary>
    public long TakeMissed() => Interlocked.Exchange(ref _missed, 0);

    public void Recorded(RecordJson record) => _events.Writer.TryWrite(new LiveEvent(null, record));

    void IRunningRequestsListener.Changed(RunningRequest request)
    {
        if (request.Phase == RequestPhase.Ended)
        {
            _told.Remove(request.Exchange);
        }
        else
        {
            // The model is in the request's body, which comes after its beginning was told of.
            var now = (request.Phase, request.Tokens, request.Exchange.Model is not null);
            if (_told.TryGetValue(request.Exchange, out var before) && before == now)
            {
                return;
            }

            _told[request.Exchange] = now;
        }

        _events.Writer.TryWrite(new LiveEvent(RunningJson.Of(request, _models), null));
    }

    private void Tick()
    {
        _running.TellProgress(this);
        if (++_ticks % TicksOfSilence == 0)
        {
            _events.Writer.TryWrite(default);
        }
    }
}
