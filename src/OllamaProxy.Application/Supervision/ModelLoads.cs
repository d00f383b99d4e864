using OllamaProxy.Domain;

namespace OllamaProxy.Application.Supervision;

/// <summary>
/// Finds out which exchanges made Ollama load a model, and why. Ollama reports neither: <c>load_duration</c> is never zero, and includes the arrival of the
/// body and the wait for another load.
/// <para>
/// A load is a <c>load_duration</c> of at least 0.5 s, or 0.1 s when a load was expected: the last poll did not list the model, its <c>keep_alive</c> had
/// passed, or the request has another <c>num_ctx</c>. Of several requests that waited for one load, the first to end counts. The cause follows from what
/// was known when the request was sent: earlier uses, polls with their expiry, loads of other models, and gaps without Ollama.
/// </para>
/// <para>
/// Limits: paths without <c>load_duration</c> (<c>/v1</c>) are evidence, but their loads are not counted. Without polls and without <c>keep_alive</c>,
/// Ollama's default of five minutes is assumed. Reloads for other parameters (<c>num_gpu</c>, <c>num_batch</c>) or after a runner crash are
/// <see cref="LoadCause.Unknown"/>.
/// </para>
/// </summary>
public sealed class ModelLoads
{
    /// <summary>Above this, the models unused for longest are forgotten.</summary>
    public const int MaxModels = 1_000;

    private const int MaxPolls = 256;
    private const int MaxLoads = 256;
    private const int MaxGaps = 16;

    /// <summary>From this size on, the arrival of the body alone can explain a long <c>load_duration</c>.</summary>
    private const long LargeBody = 1 << 20;

    private static readonly TimeSpan s_load = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_expectedLoad = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_defaultKeepAlive = TimeSpan.FromMinutes(5);

    /// <summary>Ollama starts the keep-alive timer before the client has the last byte.</summary>
    private static readonly TimeSpan s_expirySlack = TimeSpan.FromSeconds(1);

    /// <summary>Exchanges and snapshots arrive from two workers.</summary>
    private readonly Lock _lock = new();

    private readonly Dictionary<string, ModelHistory> _models = new(StringComparer.Ordinal);
    private readonly List<Poll> _polls = [];
    private readonly List<Load> _loads = [];
    private readonly List<Gap> _gaps = [];
    private OllamaSnapshot? _last;
    private (int? Id, DateTimeOffset At)? _process;
    private bool _hasForgotten;

    internal int Count => _models.Count;

    /// <summary>Records the result of a poll. Polls arrive in order.</summary>
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

    /// <summary>Records an exchange and returns why its model was loaded for it; null when it was not, or when that is unknown.</summary>
    /// <param name="exchange">A finished exchange. Exchanges arrive in the order in which they ended.</param>
    /// <param name="processId">The process id of our child now; null for an external Ollama.</param>
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
            // Unloading a model that was never seen does not prove that it was loaded.
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

    /// <summary>True when the model was certainly unloaded, or certainly runs with another context length.</summary>
    private static bool IsExpected(Past past, LoadCause? gone, ModelUse use) =>
        (gone is not null && (past.IsUnlisted || Expiry(past) is (var at, IsGuess: false) && at <= use.AskedAt)) || AsksForAnotherLength(past, use);

    /// <summary>The knowledge about the model at the time of the request.</summary>
    private Past PastOf(string model, ModelHistory? history, DateTimeOffset at)
    {
        var usedUntil = history?.UsedUntil(at);
        var past = new Past(history, at, usedUntil) { HasForgotten = history?.HasForgotten(at) ?? _hasForgotten };
        // Search back to the last poll that listed the model. This runs for each exchange, so it uses no closures.
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

    /// <summary>Why the model was not in memory at the time of the request; null when nothing indicates that.</summary>
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
            // Unloaded for another request with the same new length, which waited for the same load.
            : AsksForAnotherLength(past, use) ? LoadCause.ParamsChanged
            : isGuess ? LoadCause.Expired
            : LoadCause.Unknown;
    }

    /// <summary>Why a model was reloaded although nothing indicates that it was unloaded; null when it probably was not.</summary>
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

        // One request has num_ctx and the other does not: Ollama's default usually differs, so this is likely a reload.
        var had = LengthAskedBefore(past);
        return (use.ContextLength is null) != (had is null) && (use.ContextLength is null || past.Listed?.ContextLength is null) ? LoadCause.ParamsChanged
            : use.RequestBytes >= LargeBody ? null
            : LoadCause.Unknown;
    }

    private static bool AsksForAnotherLength(Past past, ModelUse use) =>
        use.ContextLength is { } wanted && (LengthAskedBefore(past) ?? past.Listed?.ContextLength) is { } had && wanted != had;

    private static int? LengthAskedBefore(Past past) => past.LastUse(static use => use.ContextLength is not null)?.ContextLength;

    /// <summary>When the model was due to be unloaded; null means never.</summary>
    private static (DateTimeOffset? At, bool IsGuess) Expiry(Past past)
    {
        if (past.Listed is { } listed && past.ListedAt >= (past.UsedUntil ?? DateTimeOffset.MinValue))
        {
            return listed.ExpiresAt < past.ListedAt ? (null, true) : (listed.ExpiresAt, false);
        }

        // A keep_alive holds until another request sets its own.
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

    /// <summary>Forgets a tenth at once: a search for each single model would dominate the cost.</summary>
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

            // Most polls repeat the previous one; share its list.
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

    /// <summary>A model was loaded at some time between these.</summary>
    private sealed record Load(string Model, DateTimeOffset From, DateTimeOffset To);

    /// <summary>Ollama was gone at some time between these.</summary>
    private sealed record Gap(DateTimeOffset From, DateTimeOffset To);

    /// <param name="History">The remembered uses of the model; null without any.</param>
    /// <param name="At">Only what happened before this time is considered.</param>
    /// <param name="UsedUntil">The end of the last use that was ready by then.</param>
    private sealed record Past(ModelHistory? History, DateTimeOffset At, DateTimeOffset? UsedUntil)
    {
        /// <summary>The model in the last poll that listed it.</summary>
        public LoadedModel? Listed { get; private set; }

        public DateTimeOffset? ListedAt { get; private set; }

        /// <summary>True when the last poll did not list the model.</summary>
        public bool IsUnlisted { get; private set; }

        /// <summary>The first poll without the model after it was last seen.</summary>
        public DateTimeOffset? UnlistedAt { get; private set; }

        /// <summary>True when uses of the model may have been forgotten.</summary>
        public bool HasForgotten { get; init; }

        /// <summary>The last time at which it was certainly in memory.</summary>
        public DateTimeOffset? SeenAt => ListedAt is null || UsedUntil > ListedAt ? UsedUntil : ListedAt;

        /// <summary>Adds a poll. The caller passes polls from newest to oldest.</summary>
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

        public ModelUse? LastUse(Func<ModelUse, bool> condition) => History?.LastSinceLoad(At, condition);
    }
}
