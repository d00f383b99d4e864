namespace OllamaProxy.Application.Supervision;

/// <summary>The last uses of one model, in the order in which they ended. A use that started early can therefore come late.</summary>
internal sealed class ModelHistory
{
    private const int MaxUses = 32;

    /// <summary>Requests that waited for the same load measure its end separately; ends this close together are the same load.</summary>
    private static readonly TimeSpan s_sameMoment = TimeSpan.FromMilliseconds(250);

    private readonly List<ModelUse> _uses = [];
    private DateTimeOffset? _forgottenFrom;

    /// <summary>The end of the latest use.</summary>
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

    /// <summary>The latest end among the uses that were ready by then; null without one.</summary>
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

    /// <summary>True when uses from before then were discarded.</summary>
    public bool HasForgotten(DateTimeOffset at) => _forgottenFrom <= at;

    /// <summary>
    /// True when a recorded use waited for the same load. The two can see it end at different times, because Ollama's scheduler handles requests in turn and
    /// may load another model in between.
    /// </summary>
    public bool IsCounted(ModelUse use) => _uses.Any(other =>
        other.IsCounted && other.AskedAt < use.ReadyAt && use.AskedAt < other.ReadyAt
        && (other.ContextLength == use.ContextLength
            || ((other.ContextLength is null || use.ContextLength is null) && (other.ReadyAt - use.ReadyAt).Duration() <= s_sameMoment)));

    /// <summary>True when, during this wait, the model was ready for a request with another context length.</summary>
    public bool WasReadyForAnotherLength(ModelUse use) => _uses.Any(other =>
        !other.IsUnload && other.ReadyAt > use.AskedAt && other.ReadyAt < use.ReadyAt && other.ContextLength != use.ContextLength);

    /// <summary>
    /// The last use since the last load that was ready by then and meets the condition; the model runs with its parameters. Null without one.
    /// </summary>
    public ModelUse? LastSinceLoad(DateTimeOffset at, Func<ModelUse, bool> condition)
    {
        var from = Last(at, DateTimeOffset.MinValue, static use => use.IsLoad)?.ReadyAt - s_sameMoment;
        return Last(at, from ?? DateTimeOffset.MinValue, condition);
    }

    /// <summary>Finds the use that was ready last. Of equal times, the one added last wins.</summary>
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
