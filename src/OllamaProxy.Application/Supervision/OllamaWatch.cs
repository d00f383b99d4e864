using System.Collections.Concurrent;
using System.Threading.Channels;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Supervision;

/// <summary>
/// Holds the last snapshot of Ollama. One worker renews it (<see cref="PollAsync"/>); any thread may read it without waiting. The byte path never asks Ollama
/// anything for it.
/// </summary>
public sealed class OllamaWatch(IOllamaClient client, IOllamaProcessSupervisor ollama, ModelLoads loads, ModelNames names, TimeProvider time)
{
    /// <summary>Models whose context length is remembered.</summary>
    public const int MaxRemembered = 1_000;

    /// <summary>Ollama is polled often for this long after a look, and otherwise at this interval, because each poll is a line in its log.</summary>
    private static readonly TimeSpan s_idle = TimeSpan.FromMinutes(1);

    /// <summary>The version and the installed models are polled less often: they change rarely.</summary>
    private static readonly TimeSpan s_detailsPeriod = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_idleDetailsPeriod = TimeSpan.FromMinutes(10);

    /// <summary>This long after its expiry a model is certainly unloaded.</summary>
    private static readonly TimeSpan s_unloadTime = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Remembered> _contextLengths = new(StringComparer.Ordinal);
    private readonly Channel<bool> _requests = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private OllamaSnapshot _current = OllamaSnapshot.Unknown;
    private (long Timestamp, OllamaState State)? _details;
    private long _lookedAt;

    /// <summary>The last snapshot, for internal use; code that shows it calls <see cref="Look"/>.</summary>
    public OllamaSnapshot Current => Volatile.Read(ref _current);

    private bool IsLookedAt => Volatile.Read(ref _lookedAt) is not 0 and var at && time.GetElapsedTime(at) < s_idle;

    /// <summary>
    /// The last snapshot, for a page, a scrape or a command. Ollama is then polled often for a minute. The first look polls at once, and so does a look at a
    /// failed poll when Ollama is up again.
    /// </summary>
    public OllamaSnapshot Look()
    {
        if (!IsLookedAt || (Current.IsUp != true && ollama.State is OllamaState.Ready or OllamaState.External))
        {
            RequestPoll();
        }

        Volatile.Write(ref _lookedAt, time.GetTimestamp());
        return Current;
    }

    /// <summary>How long the last snapshot is valid.</summary>
    /// <param name="period">The poll interval while a page, scrape or command asks.</param>
    public TimeSpan GoodFor(TimeSpan period)
    {
        if (IsLookedAt || period >= s_idle)
        {
            return period;
        }

        // Poll again when the next model expires, to see whether it was unloaded or used meanwhile.
        var now = time.GetUtcNow();
        var change = Current.Loaded?.Where(model => model.ExpiresAt > now).Min(model => model.ExpiresAt) - now + s_unloadTime;
        return change < s_idle ? change.Value > period ? change.Value : period : s_idle;
    }

    /// <summary>The context length with which a model was last seen loaded; null when it never was.</summary>
    /// <param name="model">A canonical name.</param>
    public int? ContextLengthOf(string model) => _contextLengths.TryGetValue(model, out var remembered) ? remembered.Length : null;

    /// <summary>Requests a new snapshot and returns at once. Concurrent requests share one poll.</summary>
    public void RequestPoll() => _requests.Writer.TryWrite(true);

    /// <summary>Completes when a poll was requested that has not begun yet.</summary>
    public async Task WaitForRequestAsync(CancellationToken cancellationToken) => await _requests.Reader.WaitToReadAsync(cancellationToken);

    /// <summary>
    /// Learns from an exchange which models are loaded. Exchanges arrive in the order in which they ended, from one caller. Returns why the model was loaded
    /// for it; null when it was not, or when that is unknown.
    /// </summary>
    public LoadCause? Observe(Exchange exchange)
    {
        var cause = loads.Observe(exchange, ollama.ProcessId);
        if (cause is not null || ChangesWhatIsLoaded(exchange))
        {
            RequestPoll();
        }

        return cause;
    }

    /// <summary>Takes a new snapshot. One caller at a time.</summary>
    public async Task<OllamaSnapshot> PollAsync(CancellationToken cancellationToken)
    {
        // A request that arrives from here on needs another poll: this one may miss its change.
        _requests.Reader.TryRead(out _);
        var state = ollama.State;
        var snapshot = new OllamaSnapshot { TakenAt = time.GetUtcNow(), ProcessId = ollama.ProcessId };
        if (state is OllamaState.Stopping or OllamaState.Stopped)
        {
            snapshot = snapshot with { IsUp = false, Problem = "Ollama has stopped." };
        }
        else
        {
            var loaded = await client.ListLoadedModelsAsync(cancellationToken);
            snapshot = snapshot with { IsUp = loaded.Value is not null ? true : loaded.IsUnreachable ? false : null, Problem = loaded.Problem,
                Loaded = loaded.Value };
            if (snapshot.IsUp != true)
            {
                ollama.RequestCheck();
            }

            snapshot = snapshot.IsUp == true ? await WithDetailsAsync(snapshot, state, cancellationToken) : snapshot;
        }

        Take(snapshot);
        return snapshot;
    }

    private async Task<OllamaSnapshot> WithDetailsAsync(OllamaSnapshot snapshot, OllamaState state, CancellationToken cancellationToken)
    {
        var last = Current;
        if (_details is { } details && details.State == state && last.IsUp == true && last.ProcessId == snapshot.ProcessId
            && time.GetElapsedTime(details.Timestamp) < (IsLookedAt ? s_detailsPeriod : s_idleDetailsPeriod))
        {
            return snapshot with { Version = last.Version, InstalledCount = last.InstalledCount, InstalledSize = last.InstalledSize };
        }

        var version = await client.VersionAsync(cancellationToken);
        var installed = await client.ListModelsAsync(cancellationToken);
        foreach (var model in installed.Value ?? [])
        {
            names.AddListed(model.Name);
        }

        _details = version.Value is null || installed.Value is null ? null : (time.GetTimestamp(), state);
        return snapshot with { Version = version.Value, InstalledCount = installed.Value?.Count, InstalledSize = installed.Value?.Sum(model => model.Size) };
    }

    private void Take(OllamaSnapshot snapshot)
    {
        loads.Observe(snapshot);
        foreach (var model in snapshot.Loaded ?? [])
        {
            names.AddListed(model.DisplayName);
            if (model.ContextLength is { } length)
            {
                _contextLengths[model.Name] = new Remembered(length, snapshot.TakenAt);
            }
        }

        while (_contextLengths.Count > MaxRemembered)
        {
            _contextLengths.TryRemove(_contextLengths.MinBy(entry => entry.Value.SeenAt));
        }

        Volatile.Write(ref _current, snapshot);
    }

    /// <summary>True when the exchange made the snapshot stale.</summary>
    private bool ChangesWhatIsLoaded(Exchange exchange) =>
        exchange.Outcome == ExchangeOutcome.UpstreamUnreachable
        || exchange.Response.FinishReason == "unload"
        || (ModelUse.Of(exchange) is { } use && Current.Find(use.Model) is null);

    private readonly record struct Remembered(int Length, DateTimeOffset SeenAt);
}
