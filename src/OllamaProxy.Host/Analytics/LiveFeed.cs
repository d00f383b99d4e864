using System.Buffers;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Threading.Channels;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Analytics;

/// <summary>The number of events that a subscriber missed.</summary>
internal sealed record MissedJson([property: JsonPropertyName("count")] long Count);

/// <summary>One or more events as sent, built once for all subscribers.</summary>
/// <param name="Text">Their text.</param>
/// <param name="Count">The number of events; 0 for a keep-alive comment.</param>
/// <param name="IsProgress">Whether they are the progress of all requests at one moment.</param>
internal sealed record LiveEvents(byte[] Text, int Count, bool IsProgress = false);

/// <summary>
/// Sends live events to subscribers. The byte path only enqueues a small note, and nothing without a subscriber. One worker builds each event from the notes,
/// once for all subscribers.
/// </summary>
internal sealed partial class LiveFeed : IDisposable
{
    /// <summary>Each holds a connection and a queue.</summary>
    public const int MaxSubscribers = 100;

    /// <summary>Notes that may wait for the worker. All subscribers miss further ones.</summary>
    private const int MaxNotes = 16 * 1024;

    /// <summary>The most progress events per tick. After more, the next ticks are skipped, so that watching never costs more than the work.</summary>
    private const int EventsPerTick = 20_000;

    /// <summary>Ticks between two keep-alive comments: 15 s, before a proxy in between closes the connection.</summary>
    private const int TicksOfSilence = 30;

    /// <summary>The interval of progress events.</summary>
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(500);

    private static readonly LiveEvents s_signOfLife = new(": still here\n\n"u8.ToArray(), 0);

    private readonly RunningRequests _running;
    private readonly ModelNames _models;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private readonly Channel<Note> _notes = Channel.CreateBounded<Note>(new BoundedChannelOptions(MaxNotes) { SingleReader = true });
    private readonly Lock _changing = new();
    private LiveSubscriber[] _subscribers = [];
    private int _missed;

    // The worker's own.

    /// <summary>The last event of each running request.</summary>
    private readonly Dictionary<ExchangeInProgress, (RequestPhase Phase, int Tokens, bool HasModel)> _told = [];
    private readonly ArrayBufferWriter<byte> _text = new();
    private int _ticks;
    private int _ticksToLeaveOut;

    public LiveFeed(RunningRequests running, ModelNames models, TimeProvider time, ILogger<LiveFeed> logger)
    {
        (_running, _models, _logger) = (running, models, logger);
        _timer = time.CreateTimer(static feed => ((LiveFeed)feed!).Put(default), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _ = WorkAsync();
    }

    public int Count => Volatile.Read(ref _subscribers).Length;

    /// <summary>Adds a subscriber, which first gets the running requests; null when there are too many.</summary>
    public LiveSubscriber? Subscribe()
    {
        var subscriber = new LiveSubscriber();
        lock (_changing)
        {
            if (_subscribers.Length >= MaxSubscribers)
            {
                return null;
            }

            Volatile.Write(ref _subscribers, [.. _subscribers, subscriber]);
            if (_subscribers.Length == 1)
            {
                _running.Watch(request => Put(new Note(Request: request)));
                _timer.Change(s_tick, s_tick);
            }
        }

        Put(new Note(Newcomer: subscriber));
        return subscriber;
    }

    public void Unsubscribe(LiveSubscriber subscriber)
    {
        lock (_changing)
        {
            Volatile.Write(ref _subscribers, [.. _subscribers.Where(other => other != subscriber)]);
            if (_subscribers.Length == 0)
            {
                _running.Watch(null);
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                Put(default);
            }
        }
    }

    public void Announce(RequestRecord record)
    {
        if (Count > 0)
        {
            Put(new Note(Record: record));
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _notes.Writer.TryComplete();
    }

    private void Put(Note note)
    {
        if (!_notes.Writer.TryWrite(note))
        {
            Interlocked.Increment(ref _missed);
        }
    }

    private async Task WorkAsync()
    {
        // Never on the caller's thread, nor on a thread that enqueues a note.
        await Task.Yield();
        await foreach (var note in _notes.Reader.ReadAllAsync())
        {
            try
            {
                Handle(note);
            }
            catch (Exception exception)
            {
                _text.ResetWrittenCount();
                Log.Failed(_logger, exception);
            }
        }
    }

    private void Handle(Note note)
    {
        if (note.Request is { } request)
        {
            if (Append(request))
            {
                Send(count: 1);
            }
        }
        else if (note.Record is { } record)
        {
            Append("record", new RecordJson(record, _models), AnalyticsJson.Relaxed.RecordJson);
            Send(count: 1);
        }
        else if (note.Newcomer is { } newcomer)
        {
            Welcome(newcomer);
        }
        else
        {
            Tick();
        }
    }

    /// <summary>Sends the running requests to one subscriber.</summary>
    private void Welcome(LiveSubscriber newcomer)
    {
        var running = _running.Snapshot();
        foreach (var exchange in running)
        {
            Append("request", RunningJson.Of(RunningRequest.Of(exchange), _models), AnalyticsJson.Relaxed.RunningJson);
        }

        if (running.Length > 0)
        {
            newcomer.Put(Take(running.Length));
        }
    }

    private void Tick()
    {
        var missed = Interlocked.Exchange(ref _missed, 0);
        if (missed > 0 || Count == 0)
        {
            // The missed notes may include ends, so these requests would be kept forever.
            _told.Clear();
        }

        foreach (var subscriber in Volatile.Read(ref _subscribers))
        {
            subscriber.Miss(missed);
        }

        if (++_ticks % TicksOfSilence == 0)
        {
            Send(s_signOfLife);
        }

        if (_ticksToLeaveOut > 0)
        {
            _ticksToLeaveOut--;
            return;
        }

        var changes = _running.Snapshot().Count(exchange => Append(RunningRequest.Of(exchange)));
        _ticksToLeaveOut = (int)((long)changes * Count / EventsPerTick);
        if (changes > 0)
        {
            Send(Take(changes, isProgress: true));
        }
    }

    /// <summary>Writes the event of a request; false when nothing about it has changed.</summary>
    private bool Append(RunningRequest request)
    {
        if (request.Phase == RequestPhase.Ended)
        {
            _told.Remove(request.Exchange);
        }
        else
        {
            // The model is in the request's body, which arrives after the start was reported.
            var now = (request.Phase, request.Tokens, request.Exchange.Observation.Model is not null);
            if (_told.TryGetValue(request.Exchange, out var before) && before == now)
            {
                return false;
            }

            _told[request.Exchange] = now;
        }

        Append("request", RunningJson.Of(request, _models), AnalyticsJson.Relaxed.RunningJson);
        return true;
    }

    private void Append<T>(string name, T value, JsonTypeInfo<T> type) => LiveEndpoint.Write(_text, name, value, type);

    private LiveEvents Take(int count, bool isProgress = false)
    {
        var events = new LiveEvents(_text.WrittenSpan.ToArray(), count, isProgress);
        _text.ResetWrittenCount();
        return events;
    }

    private void Send(int count) => Send(Take(count));

    private void Send(LiveEvents events)
    {
        foreach (var subscriber in Volatile.Read(ref _subscribers))
        {
            subscriber.Put(events);
        }
    }

    /// <summary>A task of the worker; without a part, to send the progress.</summary>
    private readonly record struct Note(RunningRequest? Request = null, RequestRecord? Record = null, LiveSubscriber? Newcomer = null);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "A live event could not be created.")]
        public static partial void Failed(ILogger logger, Exception exception);
    }
}
