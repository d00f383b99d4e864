using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Proxy;

/// <summary>Signs of Ollama's work, as timestamps of the requests' clock; 0 for never.</summary>
/// <param name="LastHeard">When the last byte of any response arrived.</param>
/// <param name="LastHeardOfInference">When the last byte of an inference's response arrived.</param>
/// <param name="WorkSince">Since when Ollama has the oldest inference that is still running.</param>
internal readonly record struct OllamaSigns(long LastHeard, long LastHeardOfInference, long WorkSince)
{
    public OllamaSigns With(ExchangeInProgress exchange)
    {
        var heard = exchange.Timings.LastHeard;
        return this with
        {
            LastHeard = Math.Max(LastHeard, heard),
            LastHeardOfInference = exchange.NeedsSlot ? Math.Max(LastHeardOfInference, heard) : LastHeardOfInference,
        };
    }

    public OllamaSigns WithWork(ExchangeInProgress exchange)
    {
        var since = exchange.Timings.WholeSince;
        var isWork = exchange.NeedsSlot && since != 0 && !exchange.Timings.IsHeldUp;
        return isWork ? this with { WorkSince = WorkSince == 0 ? since : Math.Min(WorkSince, since) } : this;
    }
}

internal sealed class InferenceProgress(RunningRequests running, TimeProvider time) : IInferenceProgress
{
    public bool HasHeardSince(long timestamp) => running.Signs().LastHeard >= timestamp;

    public TimeSpan SilentFor()
    {
        var signs = running.Signs();
        return signs.WorkSince == 0 ? TimeSpan.Zero : time.GetElapsedTime(Math.Max(signs.WorkSince, signs.LastHeardOfInference));
    }
}
