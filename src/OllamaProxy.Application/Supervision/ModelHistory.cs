namespace OllamaProxy.Application.Supervision;

/// <summary>The last uses of one model. Uses are noted in the order of their ends, so one that began long ago may come after many that began later.</summary>
internal sealed class ModelHistory
{
    private const int MaxUses = 32;

    /// <summary>How far apart two requests may see the same load end: they measure it one by one.</summary>
    private static readonly TimeSpan s_sameMoment = TimeSpan.FromMilliseconds(250);

    private readonly List<ModelUse> _uses = [];
    private DateTimeOffset? _forgottenFrom;

    /// <summary>The end of the use noted last.</summary>
    public DateTimeOffset TouchedAt => _uses[^1].EndedAt;

    public void Add(ModelUse use)
    {
        if (_uses.Count == MaxUses)
        {
            _forgottenFrom ??= _uses[0].ReadyAt;
            _uses.RemoveAt(0);
        }

        _uses.Add(use);
    }

    /// <summary>The latest end of a use whose model was ready by then; null when there was none.</summary>
    public DateTimeOffset? UsedUntil(DateTimeOffset at)
    {
        DateTimeOffset? until = null;
        foreach (var use in _uses)
        {
            if (use.ReadyAt <= at && !(until >= use.EndedAt))
            {
                until = use.EndedAt;
            }
        }

        return until;
    }

    /// <summary>True when there were uses by then that are no longer known.</summary>
    public bool HasForgotten(DateTimeOffset at) => _forgottenFrom <= at;

    /// <summary>
    /// True when a use that is already noted waited for the same load. They need not have seen it end at the same moment: Ollama's scheduler looks at one
    /// request after the other, and loads another model in between.
    /// </summary>
    public bool IsCounted(ModelUse use) => _uses.Any(other =>
        other.IsCounted && other.AskedAt < use.ReadyAt && use.AskedAt < other.ReadyAt
        && (other.ContextLength == use.ContextLength
            || ((other.ContextLength is null || use.ContextLength is null) && (other.ReadyAt - use.ReadyAt).Duration() <= s_sameMoment)));

    /// <summary>True when, while this use waited, the model was ready for one that had asked for another context length.</summary>
    public bool WasReadyForAnotherLength(ModelUse use) => _uses.Any(other =>
        !other.IsUnload && other.ReadyAt > use.AskedAt && other.ReadyAt < use.ReadyAt && other.ContextLength != use.ContextLength);

    /// <summary>
    /// The last use since the last load that meets a condition, of those whose model was ready by then: what it asked for is what the model runs with. Null
    /// when there is none.
    /// </summary>
    public ModelUse? LastSinceLoad(DateTimeOffset at, Func<ModelUse, bool> condition)
    {
        var from = Last(at, DateTimeOffset.MinValue, static use => use.IsLoad)?.ReadyAt - s_sameMoment;
        return Last(at, from ?? DateTimeOffset.MinValue, condition);
    }

    /// <summary>Finds the use whose model was ready last. Among equal times, the one noted last wins.</summary>
    private ModelUse? Last(DateTimeOffset at, DateTimeOffset from, Func<ModelUse, bool> condition)
    {
        ModelUse? last = null;
        foreach (var use in _uses)
        {
            if (use.ReadyAt <= at && use.ReadyAt >= from && !(use.ReadyAt < last?.ReadyAt) && condition(use))
            {
                last = use;
            }
        }

        return last;
    }
}
