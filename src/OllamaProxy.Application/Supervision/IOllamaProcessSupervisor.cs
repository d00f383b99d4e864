namespace OllamaProxy.Application.Supervision;

/// <summary>Where the real Ollama is in its life, as far as we know.</summary>
public enum OllamaState
{
    /// <summary>Nothing is known yet.</summary>
    Unknown,

    /// <summary>Our child runs but does not answer yet.</summary>
    Starting,

    /// <summary>Our child answers.</summary>
    Ready,

    /// <summary>An Ollama somebody else started answers; it is used and never ended by us.</summary>
    External,

    /// <summary>Our child is being ended.</summary>
    Stopping,

    /// <summary>There is none.</summary>
    Stopped,
}

/// <summary>Finds or starts the real Ollama, and ends what it started.</summary>
public interface IOllamaProcessSupervisor
{
    OllamaState State { get; }

    /// <summary>Where the real Ollama listens. Known after <see cref="StartAsync"/>.</summary>
    Uri Backend { get; }

    /// <summary>The child's process id, or null when there is none of ours.</summary>
    int? ProcessId { get; }

    /// <summary>
    /// Adopts an Ollama that answers, or starts one; returns once it is known which. A started child may still be loading.
    /// Throws <see cref="OllamaNotFoundException"/> when there is none to start.
    /// </summary>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Ends our child and everything it started; leaves an external one alone.</summary>
    Task StopAsync(CancellationToken cancellationToken);
}

/// <summary>There is no Ollama to put the proxy in front of; the message says what to do and is fit for a person.</summary>
public sealed class OllamaNotFoundException(string message) : Exception(message);
