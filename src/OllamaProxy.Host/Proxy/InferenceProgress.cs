using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Proxy;

/// <summary>What is seen of Ollama's work; all of them timestamps of the requests' clock, 0 for never.</summary>
/// <param name="LastHeard">When the last byte of any answer came.</param>
/// <param name="LastHeardOfInference">When the last byte of an inference's answer came.</param>
/// <param name="WorkSince">Since when Ollama has the oldest of the inferences it has not answered yet; 0 when it has none.</param>
internal readonly record struct OllamaSigns(long LastHeard, long LastHeardOfInference, long WorkSince)
{
    public OllamaSigns With(ExchangeInProgress exchange)
    {
        var heard = exchange.LastHeard;
        return this with
        {
            LastHeard = Math.Max(LastHeard, heard),
            LastHeardOfInference = exchange.NeedsSlot ? Math.Max(LastHeardOfInference, heard) : LastHeardOfInference,
        };
    }

    public OllamaSigns WithWork(ExchangeInProgress exchange)
    {
        var since = exchange.WholeSince;
        return exchange.NeedsSlot && since != 0 && !exchange.IsHeldUp ? this with { WorkSince = WorkSince == 0 ? since : Math.Min(WorkSince, since) } : this;
    }
}

/// <summary>Answers the supervisor's question from what the byte path notes anyway.</summary>
internal sealed class InferenceProgress(RunningRequests running, TimeProvider time) : IInferenceProgress
{
    public bool HasHeardSince(long timestamp) => running.Signs().LastHeard >= timestamp;

    public TimeSpan SilentFor()
    {
        var signs = running.Signs();
        return signs.WorkSince == 0 ? TimeSpan.Zero : time.GetElapsedTime(Math.Max(signs.WorkSince, signs.LastHeardOfInference));
    }
}
