namespace OllamaProxy.Application.Supervision;

/// <summary>The events of <see cref="OllamaLife"/>.</summary>
public enum OllamaEventKind
{
    /// <summary>The program starts: find or start an Ollama.</summary>
    Begun,

    /// <summary>An external Ollama was found.</summary>
    Found,

    /// <summary>A child was started.</summary>
    Launched,

    /// <summary>No Ollama was found, and none could be started.</summary>
    NotLaunched,

    /// <summary>Ollama answered a check.</summary>
    Answered,

    /// <summary>Ollama did not answer a check.</summary>
    NotAnswered,

    /// <summary>Ollama answers, but no inference received a byte for <c>OLLAMA_HANG_SECONDS</c>.</summary>
    Silent,

    /// <summary>A request could not connect, or the poll of loaded models failed.</summary>
    CheckRequested,

    /// <summary>The child's process exited.</summary>
    Exited,

    /// <summary>The child and its process group are gone.</summary>
    Gone,

    /// <summary>The time of <see cref="OllamaLife.WakeAt"/> has come.</summary>
    TimePassed,

    /// <summary>The proxy finishes its requests: Ollama keeps running, but is not restarted.</summary>
    Draining,

    /// <summary>The proxy stops, and Ollama with it.</summary>
    StopAsked,
}

/// <param name="Happening">What happened.</param>
/// <param name="Child">The number of the child it concerns; 0 for none. Events of a replaced child are ignored.</param>
public readonly record struct OllamaEvent(OllamaEventKind Happening, int Child = 0);

/// <summary>The commands of <see cref="OllamaLife"/>.</summary>
public enum OllamaAction
{
    /// <summary>Look for an external Ollama, else start a child. Answered by Found, Launched or NotLaunched.</summary>
    FindOrLaunch,

    /// <summary>Request Ollama's version. Answered by Answered or NotAnswered.</summary>
    Check,

    /// <summary>Stop the child and its process group; kill after the grace period. Answered by Gone.</summary>
    Stop,

    /// <summary>Kill the process group of a child that exited. Answered by Gone.</summary>
    CleanUp,

    /// <summary>The first start failed: report the reason and end the program.</summary>
    GiveUp,
}

/// <param name="Action">What to do.</param>
/// <param name="Child">The number of the child; the answering event repeats it.</param>
/// <param name="Reason">Why a child is replaced; null for the first start.</param>
public readonly record struct OllamaCommand(OllamaAction Action, int Child, RestartReason? Reason = null);
