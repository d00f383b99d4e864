using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Proxy;

internal sealed class InferenceProgress(RunningRequests running, TimeProvider time) : IInferenceProgress
{
    public bool HasHeardSince(long timestamp) => running.LastHeard(ofInference: false) >= timestamp;

    public TimeSpan SilentFor()
    {
        // Ollama has the whole request and could send, because the client takes what it sends.
        var work = running.Snapshot().Where(static exchange => exchange is { NeedsSlot: true, Timings: { WholeSince: not 0, IsHeldUp: false } });
        var oldest = work.Select(static exchange => exchange.Timings.WholeSince).DefaultIfEmpty().Min();
        return oldest == 0 ? TimeSpan.Zero : time.GetElapsedTime(Math.Max(oldest, running.LastHeard(ofInference: true)));
    }
}
