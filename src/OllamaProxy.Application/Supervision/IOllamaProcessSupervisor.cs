namespace OllamaProxy.Application.Supervision;

/// <summary>Finds or starts the real Ollama, keeps it alive, and ends what it started.</summary>
public interface IOllamaProcessSupervisor
{
    /// <summary>As of now. Reading it costs nothing.</summary>
    OllamaState State { get; }

    /// <summary>Where the real Ollama listens. Known after <see cref="StartAsync"/>; a later start may move it when its port was taken meanwhile.</summary>
    Uri Backend { get; }

    /// <summary>The child's process id, or null when there is none of ours.</summary>
    int? ProcessId { get; }

    /// <summary>
    /// Adopts an Ollama that answers, or starts one; returns once it is known which. A started child may still be loading.
    /// Throws <see cref="OllamaNotFoundException"/> when there is none to start, or the one that was started ended at once.
    /// </summary>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Waits while an Ollama is coming (<see cref="OllamaStates.IsComing"/>).</summary>
    /// <param name="limit">The longest wait; more than zero.</param>
    /// <param name="cancellationToken">Gives the wait up.</param>
    /// <returns>True once requests may be sent; false when none comes, or not within the limit.</returns>
    Task<bool> WaitAsync(TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>A request could not connect, so no byte of it was sent. Waits for the Ollama that takes the place of the one it was meant for.</summary>
    /// <param name="processId">The child's id before the attempt; null when none of ours was running any more, or ever.</param>
    /// <param name="limit">The longest wait; more than zero.</param>
    /// <param name="cancellationToken">Gives the wait up.</param>
    /// <returns>True when the request may be tried again; false when it is the same Ollama still, or none.</returns>
    Task<bool> WaitForSuccessorAsync(int? processId, TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>Checks at once whether Ollama answers, because a question to it got no answer.</summary>
    void RequestCheck();

    /// <summary>From now on a child that ends is not started again: the proxy finishes its requests and is about to stop.</summary>
    void Drain();

    /// <summary>Ends our child and everything it started: asks, waits, kills. With a cancelled token it kills at once. Leaves an external one alone.</summary>
    Task StopAsync(CancellationToken cancellationToken);

    /// <summary>Kills our child and everything it started before it returns, for a program that ends this very moment.</summary>
    void KillAtOnce();
}

/// <summary>There is no Ollama to put the proxy in front of; the message says what to do and is fit for a person.</summary>
public sealed class OllamaNotFoundException(string message) : Exception(message);
