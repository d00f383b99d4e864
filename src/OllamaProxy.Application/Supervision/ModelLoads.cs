using OllamaProxy.Domain;

namespace OllamaProxy.Application.Supervision;

/// <summary>
/// Finds out which exchanges made Ollama load a model, and why. Ollama tells neither: <c>load_duration</c> is never zero, and includes the arrival of the body
/// and the wait for another load.
/// <para>
/// A load is a <c>load_duration</c> of at least half a second, or of a tenth when it was to be expected: the last poll before it did not list the model,
/// its <c>keep_alive</c> was over, or another <c>num_ctx</c> is asked for. Of several requests that waited for one load, the first to end counts. Its cause
/// is judged by what was known when the request was asked: earlier uses of the model with their <c>num_ctx</c> and <c>keep_alive</c>, the polls with their
/// expiry, loads of other models, and whether Ollama was gone.
/// </para>
/// <para>
/// Limits. Paths without <c>load_duration</c> (<c>/v1</c>) are evidence, but their own loads are not counted. Without polls a <c>keep_alive</c> that was not
/// asked for is taken as Ollama's default of five minutes. Other parameters that make Ollama load again (<c>num_gpu</c>, <c>num_batch</c>) are not known: such
/// a load is <see cref="LoadCause.Unknown"/>, as is one after a runner died. </para>
/// </summary>
public sealed class ModelLoads
{
    /// <summary>Models remembered; with more, those longest unused are forgotten.</summary>
    public const int MaxModels = 1_000;

    private const int MaxPolls = 256;
    private const int MaxLoads = 256;
    private const int MaxGaps = 16;

    /// <summary>Above this, a body's arrival may be all that took long.</summary>
    private const long LargeBody = 1 << 20;

    private static readonly TimeSpan s_load = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_expectedLoad = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_defaultKeepAlive = TimeSpan.FromMinutes(5);

    /// <summary>Ollama starts its clock when it is done, which is before the client has the last byte.</summary>
    private static readonly TimeSpan s_expirySlack = TimeSpan.FromSeconds(1);

    /// <summary>Exchanges and snapshots come from two workers.</summary>
    private readonly Lock _lock = new();

    private readonly Dictionary<string, ModelHistory> _models = new(StringComparer.Ordinal);
    private readonly List<Poll> _polls = [];
    private readonly List<Load> _loads = [];
    private readonly List<Gap> _gaps = [];
    private OllamaSnapshot? _last;
    private (int? Id, DateTimeOffset At)? _process;
    private bool _hasForgotten;

    /// <summary>Models remembered now.</summary>
    internal int Count => _models.Count;

    /// <summary>Notes what a poll saw. Polls come in order.</summary>
    public void Observe(OllamaSnapshot snapshot)
    {
        lock (_lock)
        {
            NoteProcess(snapshot.ProcessId, snapshot.TakenAt);
            if (_last is { } last && (snapshot.IsUp == false || (snapshot.Version is { } version && last.Version is { } before && version != before)))
            {
                NoteGap(last.TakenAt, snapshot.TakenAt);
            }

            if (snapshot.Loaded is { } loaded)
            {
                NotePoll(loaded, snapshot.TakenAt);
            }

            _last = snapshot;
        }
    }

    /// <summary>Notes an exchange, and tells why its model had to be loaded for it; null when it had not, or that is not known.</summary>
    /// <param name="exchange">Finished. Exchanges come in the order of their ends.</param>
    /// <param name="processId">The process id of our Ollama now; null when it is not ours.</param>
    public LoadCause? Observe(Exchange exchange, int? processId)
    {
        lock (_lock)
        {
            var ended = exchange.StartedAt + exchange.Duration;
            NoteProcess(processId, ended);
            if (exchange.Outcome == ExchangeOutcome.UpstreamUnreachable)
            {
                NoteGap(exchange.StartedAt, ended);
                return null;
            }

            return ModelUse.Of(exchange) is { } use ? Observe(use) : null;
        }
    }

    private LoadCause? Observe(ModelUse use)
    {
        var history = _models.GetValueOrDefault(use.Model);
        if (use.IsUnload)
        {
            // Sending away what was never there is no sign that it was.
            history?.Add(use);
            return null;
        }

        var past = PastOf(use.Model, history, use.AskedAt);
        var gone = WhyGone(past, use);
        LoadCause? cause = null;
        var isLoad = gone is not null && use.LoadTime is null;
        if (use.LoadTime >= (IsExpected(past, gone, use) ? s_expectedLoad : s_load))
        {
            isLoad = true;
            cause = history?.IsCounted(use) == true ? null
                : history?.WasReadyForAnotherLength(use) == true ? LoadCause.ParamsChanged
                : gone ?? WhyReloaded(past, use);
        }

        Note(use with { IsLoad = isLoad, IsCounted = cause is not null }, history);
        return cause;
    }

    /// <summary>True when the model was surely gone, or surely runs with another context length.</summary>
    private static bool IsExpected(Past past, LoadCause? gone, ModelUse use) =>
        (gone is not null && (past.IsUnlisted || Expiry(past) is (var at, IsGuess: false) && at <= use.AskedAt)) || AsksForAnotherLength(past, use);

    /// <summary>What was known of the model when it was asked for.</summary>
    private Past PastOf(string model, ModelHistory? history, DateTimeOffset at)
    {
        var usedUntil = history?.UsedUntil(at);
        var past = new Past(history, at, usedUntil) { HasForgotten = history?.HasForgotten(at) ?? _hasForgotten };
        // Search back to the last poll that listed it. This runs for each exchange, so it uses no closures.
        for (var index = _polls.Count - 1; index >= 0 && past.Listed is null; index--)
        {
            var poll = _polls[index];
            if (poll.At <= at)
            {
                past.Note(poll, poll.Find(model));
            }
        }

        return past;
    }

    /// <summary>Why the model was not in memory when it was asked for; null when nothing says that it was not.</summary>
    private LoadCause? WhyGone(Past past, ModelUse use)
    {
        if (past.UsedUntil > use.AskedAt)
        {
            return null;
        }

        if (past.SeenAt is not { } seen)
        {
            return past.HasForgotten ? LoadCause.Unknown : LoadCause.Cold;
        }

        var until = past.UnlistedAt ?? use.AskedAt;
        var (expiry, isGuess) = Expiry(past);
        if (_gaps.Find(gap => gap.To > seen && gap.From < until) is { } gap && !(expiry <= gap.From))
        {
            return LoadCause.Restart;
        }

        return expiry - s_expirySlack <= until ? LoadCause.Expired
            : past.UnlistedAt is null ? null
            : HasOtherLoaded(use.Model, seen, until) ? LoadCause.Evicted
            // Unloaded for a request with the same new length, which it waits for together with this one.
            : AsksForAnotherLength(past, use) ? LoadCause.ParamsChanged
            : isGuess ? LoadCause.Expired
            : LoadCause.Unknown;
    }

    /// <summary>Why a model had to be loaded of which nothing says that it was gone; null when it probably was not.</summary>
    private LoadCause? WhyReloaded(Past past, ModelUse use)
    {
        if (AsksForAnotherLength(past, use))
        {
            return LoadCause.ParamsChanged;
        }

        if (HasOtherLoaded(use.Model, past.SeenAt < use.AskedAt ? past.SeenAt.Value : use.AskedAt, use.ReadyAt))
        {
            return LoadCause.Evicted;
        }

        // Asked for a length before and for none now, or the other way round: Ollama's own is another one more often than not.
        var had = LengthAskedBefore(past);
        return (use.ContextLength is null) != (had is null) && (use.ContextLength is null || past.Listed?.ContextLength is null) ? LoadCause.ParamsChanged
            : use.RequestBytes >= LargeBody ? null
            : LoadCause.Unknown;
    }

    private static bool AsksForAnotherLength(Past past, ModelUse use) =>
        use.ContextLength is { } wanted && (LengthAskedBefore(past) ?? past.Listed?.ContextLength) is { } had && wanted != had;

    private static int? LengthAskedBefore(Past past) => past.LastUse(static use => use.ContextLength is not null)?.ContextLength;

    /// <summary>When the model was to leave, as far as is known; null is never.</summary>
    private static (DateTimeOffset? At, bool IsGuess) Expiry(Past past)
    {
        if (past.Listed is { } listed && past.ListedAt >= (past.UsedUntil ?? DateTimeOffset.MinValue))
        {
            return listed.ExpiresAt < past.ListedAt ? (null, true) : (listed.ExpiresAt, false);
        }

        // It holds until a request asks for another.
        if (past.LastUse(static use => use.KeepAlive is not null)?.KeepAlive is { } keepAlive)
        {
            return (keepAlive == Timeout.InfiniteTimeSpan ? null : past.UsedUntil + keepAlive, false);
        }

        return past.Listed is { ExpiresAt: null } ? (null, false) : (past.UsedUntil + s_defaultKeepAlive, true);
    }

    private bool HasOtherLoaded(string model, DateTimeOffset after, DateTimeOffset before) =>
        _loads.Exists(load => load.Model != model && load.To > after && load.From < before);

    private void Note(ModelUse use, ModelHistory? history)
    {
        if (use.IsLoad)
        {
            Append(_loads, new Load(use.Model, use.AskedAt, use.ReadyAt), MaxLoads);
        }

        if (history is null)
        {
            if (_models.Count == MaxModels)
            {
                Forget();
            }

            _models.Add(use.Model, history = new ModelHistory());
        }

        history.Add(use);
    }

    /// <summary>Forgets the tenth longest unused: looking for one at a time would cost more than all the rest.</summary>
    private void Forget()
    {
        foreach (var (model, _) in _models.OrderBy(model => model.Value.TouchedAt).Take(MaxModels / 10).ToList())
        {
            _models.Remove(model);
        }

        _hasForgotten = true;
    }

    private void NotePoll(IReadOnlyList<LoadedModel> models, DateTimeOffset at)
    {
        if (_polls is [.., var before])
        {
            foreach (var model in models.Where(model => before.Find(model.Name) is null))
            {
                Append(_loads, new Load(model.Name, before.At, at), MaxLoads);
            }

            // Most polls say what the one before said; one copy is enough.
            models = models.SequenceEqual(before.Models) ? before.Models : models;
        }

        Append(_polls, new Poll(at, models), MaxPolls);
    }

    private void NoteProcess(int? id, DateTimeOffset at)
    {
        var now = _process is { } seen && seen.At > at ? seen.At : at;
        if (_process is { } before && before.Id != id)
        {
            NoteGap(before.At, now);
        }

        _process = (id, now);
    }

    private void NoteGap(DateTimeOffset from, DateTimeOffset to)
    {
        if (_gaps is [.., var last] && from <= last.To)
        {
            _gaps[^1] = last with { To = to > last.To ? to : last.To };
            return;
        }

        Append(_gaps, new Gap(from, to), MaxGaps);
    }

    private static void Append<T>(List<T> list, T item, int capacity)
    {
        if (list.Count == capacity)
        {
            list.RemoveAt(0);
        }

        list.Add(item);
    }

    private sealed record Poll(DateTimeOffset At, IReadOnlyList<LoadedModel> Models)
    {
        public LoadedModel? Find(string model) => LoadedModel.Find(Models, model);
    }

    /// <summary>A model came into memory somewhen between these.</summary>
    private sealed record Load(string Model, DateTimeOffset From, DateTimeOffset To);

    /// <summary>Ollama was gone somewhen between these.</summary>
    private sealed record Gap(DateTimeOffset From, DateTimeOffset To);

    /// <param name="History">All uses of the model that are remembered; null when there are none.</param>
    /// <param name="At">The moment before which it is past.</param>
    /// <param name="UsedUntil">The end of the last use whose model was ready by then.</param>
    private sealed record Past(ModelHistory? History, DateTimeOffset At, DateTimeOffset? UsedUntil)
    {
        /// <summary>As the last poll that listed it saw it.</summary>
        public LoadedModel? Listed { get; private set; }

        public DateTimeOffset? ListedAt { get; private set; }

        /// <summary>True when the last poll did not list it.</summary>
        public bool IsUnlisted { get; private set; }

        /// <summary>The first poll that did not list it after it was last seen.</summary>
        public DateTimeOffset? UnlistedAt { get; private set; }

        /// <summary>True when it may have been used without our remembering it.</summary>
        public bool HasForgotten { get; init; }

        /// <summary>When it was last in memory for sure.</summary>
        public DateTimeOffset? SeenAt => ListedAt is null || UsedUntil > ListedAt ? UsedUntil : ListedAt;

        /// <summary>Notes a poll. The caller passes polls from newest to oldest.</summary>
        public void Note(Poll poll, LoadedModel? listed)
        {
            if (listed is not null)
            {
                (Listed, ListedAt) = (listed, poll.At);
                return;
            }

            IsUnlisted = true;
            if (!(poll.At <= UsedUntil))
            {
                UnlistedAt = poll.At;
            }
        }

        /// <summary>The last use since the last load that meets a condition.</summary>
        public ModelUse? LastUse(Func<ModelUse, bool> condition) => History?.LastSinceLoad(At, condition);
    }
}
