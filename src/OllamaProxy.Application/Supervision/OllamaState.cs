namespace OllamaProxy.Application.Supervision;

/// <summary>The states of Ollama (picture: docs/supervision.md; transitions: <see cref="OllamaLife"/>).</summary>
public enum OllamaState
{
    /// <summary>The proxy looks for Ollama, or our child runs and does not answer yet.</summary>
    Starting,

    /// <summary>Our child answers.</summary>
    Ready,

    /// <summary>An external Ollama answers; the proxy uses it and never stops it.</summary>
    External,

    /// <summary>Ollama stopped answering. If that continues, a child is restarted; an external Ollama is watched until it returns.</summary>
    Unhealthy,

    /// <summary>Our child exited or is being stopped, and a new one follows.</summary>
    Restarting,

    /// <summary>The child failed repeatedly. It is still restarted, but rarely, and requests do not wait for it.</summary>
    CrashLoop,

    /// <summary>Our child is being stopped and will not be restarted.</summary>
    Stopping,

    /// <summary>Ollama does not run and will not be started.</summary>
    Stopped,
}

public static class OllamaStates
{
    /// <summary>The name in responses and logs.</summary>
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

    /// <summary>True when Ollama is likely to answer soon, so a request waits instead of failing.</summary>
    public static bool IsComing(this OllamaState state) => state is OllamaState.Starting or OllamaState.Restarting;

    /// <summary>True when requests may be sent. An unhealthy Ollama may only be busy; if it is gone, the connection fails.</summary>
    public static bool AcceptsRequests(this OllamaState state) => state is OllamaState.Ready or OllamaState.External or OllamaState.Unhealthy;
}

/// <summary>Why a child was replaced: the values of the <c>reason</c> label.</summary>
public enum RestartReason
{
    /// <summary>It exited by itself.</summary>
    Exited,

    /// <summary>It stopped answering.</summary>
    Unhealthy,

    /// <summary>It answered, but its inferences were stalled.</summary>
    Hung,
}
