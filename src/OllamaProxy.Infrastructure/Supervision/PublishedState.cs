using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The published state of Ollama: cheap to read, awaited without polling. One writer.</summary>
internal sealed class PublishedState(TimeProvider time)
{
    private volatile OllamaState _current;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public OllamaState Current => _current;

    public void Set(OllamaState state)
    {
        if (state != _current)
        {
            _current = state;
            Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        }
    }

    /// <summary>Waits for a state that satisfies; returns in any case when the time is over.</summary>
    public async Task UntilAsync(Func<OllamaState, bool> satisfies, TimeSpan limit, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            // Before the state is read, so that no change between the two is missed.
            var changed = Volatile.Read(ref _changed).Task;
            var left = limit - time.GetElapsedTime(begun);
            if (satisfies(_current) || left <= TimeSpan.Zero)
            {
                return;
            }

            await ((Task)changed.WaitAsync(left, time, cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
