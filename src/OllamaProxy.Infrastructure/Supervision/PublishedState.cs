using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The state of Ollama for other threads: cheap to read, and awaitable without polling. One writer.</summary>
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

    /// <summary>Waits until a state satisfies the condition or the time limit is reached.</summary>
    public async Task UntilAsync(Func<OllamaState, bool> satisfies, TimeSpan limit, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            // Read before the state, so no change between the two is missed.
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
