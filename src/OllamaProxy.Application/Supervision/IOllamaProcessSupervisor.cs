namespace OllamaProxy.Application.Supervision;

/// <summary>Finds or starts Ollama, keeps it running, and stops the one it started.</summary>
public interface IOllamaProcessSupervisor
{
    /// <summary>The current state; a cheap read.</summary>
    OllamaState State { get; }

    /// <summary>Where Ollama listens, known after <see cref="StartAsync"/>. A restart can change it when the port was taken meanwhile.</summary>
    Uri Backend { get; }

    /// <summary>The process id of our child; null without a child.</summary>
    int? ProcessId { get; }

    /// <summary>Adopts a running Ollama or starts one, and returns when that is decided; a started child may still be loading.</summary>
    /// <exception cref="OllamaNotFoundException">Ollama is not installed, or the started process exited at once.</exception>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Waits while Ollama is starting (<see cref="OllamaStates.IsComing"/>).</summary>
    /// <param name="limit">The longest wait; more than zero.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when requests may be sent; false when Ollama does not start within the limit.</returns>
    Task<bool> WaitAsync(TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>Waits for another Ollama after a request failed to connect. No byte of that request was sent.</summary>
    /// <param name="processId">The child's process id before the attempt; null without a running child.</param>
    /// <param name="limit">The longest wait; more than zero.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when the request may be retried; false when Ollama is the same, or there is none.</returns>
    Task<bool> WaitForSuccessorAsync(int? processId, TimeSpan limit, CancellationToken cancellationToken);

    /// <summary>Checks Ollama now, because it did not answer a request.</summary>
    void RequestCheck();

    /// <summary>From now on an exited child is not restarted: the proxy finishes its requests and then stops.</summary>
    void Drain();

    /// <summary>Stops our child and its process group: asks, waits, kills. A canceled token kills at once. An external Ollama is left alone.</summary>
    Task StopAsync(CancellationToken cancellationToken);

    /// <summary>Kills our child and its process group before it returns, for a process that exits now.</summary>
    void KillAtOnce();
}

/// <summary>Ollama was not found; the message tells the user what to do.</summary>
public sealed class OllamaNotFoundException(string message) : Exception(message);
