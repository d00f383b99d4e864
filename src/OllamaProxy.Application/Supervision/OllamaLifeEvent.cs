namespace OllamaProxy.Application.Supervision;

/// <summary>What can happen to an Ollama.</summary>
public enum OllamaEventKind
{
    /// <summary>The program begins: one has to be found or started.</summary>
    Begun,

    /// <summary>An external Ollama was found.</summary>
    Found,

    /// <summary>A child of ours was started.</summary>
    Launched,

    /// <summary>None was found, and none could be started.</summary>
    NotLaunched,

    /// <summary>A check was answered.</summary>
    Answered,

    /// <summary>A check was not.</summary>
    NotAnswered,

    /// <summary>It answers, but for <c>OLLAMA_HANG_SECONDS</c> no byte has come for any of its inferences.</summary>
    Silent,

    /// <summary>A request could not connect, or the poll of loaded models got no answer.</summary>
    CheckRequested,

    /// <summary>The child's process ended.</summary>
    Exited,

    /// <summary>The child and everything it had started are gone.</summary>
    Gone,

    /// <summary>The time has come that <see cref="OllamaLife.WakeAt"/> named, or passed.</summary>
    TimePassed,

    /// <summary>The proxy is finishing its requests: Ollama goes on, but is not started again.</summary>
    Draining,

    /// <summary>Ollama is to end.</summary>
    StopAsked,
}

/// <param name="Happening">What happened.</param>
/// <param name="Child">To which child, by its number; 0 where it is about none. News of a child that is no longer the current one is ignored.</param>
public readonly record struct OllamaEvent(OllamaEventKind Happening, int Child = 0);

/// <summary>What <see cref="OllamaLife"/> wants done.</summary>
public enum OllamaAction
{
    /// <summary>Look for an external Ollama, and start a child without one. Answered by Found, Launched or NotLaunched.</summary>
    FindOrLaunch,

    /// <summary>Ask it for its version. Answered by Answered or NotAnswered.</summary>
    Check,

    /// <summary>Ask the child and all it started to end, and kill what does not. Answered by Gone.</summary>
    Stop,

    /// <summary>Kill what a child that has ended left behind. Answered by Gone.</summary>
    CleanUp,

    /// <summary>The first start failed: tell why, and end the program.</summary>
    GiveUp,
}

/// <param name="Action">What to do.</param>
/// <param name="Child">The number of the child, to be told with the answer.</param>
/// <param name="Reason">For a start that replaces a child: why.</param>
public readonly record struct OllamaCommand(OllamaAction Action, int Child, RestartReason? Reason = null);
