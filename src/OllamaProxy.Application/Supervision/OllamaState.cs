namespace OllamaProxy.Application.Supervision;

/// <summary>Where the real Ollama is in its life (docs/supervision.md has the picture; <see cref="OllamaLife"/> has the transitions).</summary>
public enum OllamaState
{
    /// <summary>It is looked for, or our child runs and does not answer yet.</summary>
    Starting,

    /// <summary>Our child answers.</summary>
    Ready,

    /// <summary>An external Ollama answers; the proxy uses it and never ends it.</summary>
    External,

    /// <summary>It answered before and now does not. A child is restarted if that continues; an external Ollama is watched until it returns.</summary>
    Unhealthy,

    /// <summary>Our child has ended, or is being ended, and another one follows.</summary>
    Restarting,

    /// <summary>The child failed repeatedly; it is still restarted, but rarely, and requests do not wait for it.</summary>
    CrashLoop,

    /// <summary>Our child is being ended for good.</summary>
    Stopping,

    /// <summary>There is none, and none will be started.</summary>
    Stopped,
}

/// <summary>What a state means to others.</summary>
public static class OllamaStates
{
    /// <summary>The name in answers and logs.</summary>
    public static string Name(this OllamaState state) => state switch
    {
        OllamaState.Starting => "starting",
        OllamaState.Ready => "ready",
        OllamaState.External => "external",
        OllamaState.Unhealthy => "unhealthy",
        OllamaState.Restarting => "restarting",
        OllamaState.CrashLoop => "crash_loop",
        OllamaState.Stopping => "stopping",
        OllamaState.Stopped => "stopped",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "A state without a name."),
    };

    /// <summary>True when it will most likely answer soon, so that a request does better to wait than to fail.</summary>
    public static bool IsComing(this OllamaState state) => state is OllamaState.Starting or OllamaState.Restarting;

    /// <summary>True when a request may be sent. An unhealthy one may only be busy, and says for itself when it is not there.</summary>
    public static bool AcceptsRequests(this OllamaState state) => state is OllamaState.Ready or OllamaState.External or OllamaState.Unhealthy;
}

/// <summary>Why a child had to be replaced: the values of the <c>reason</c> label.</summary>
public enum RestartReason
{
    /// <summary>It ended by itself.</summary>
    Exited,

    /// <summary>It did not answer any more.</summary>
    Unhealthy,

    /// <summary>It answered, but its work stood still.</summary>
    Hung,
}
