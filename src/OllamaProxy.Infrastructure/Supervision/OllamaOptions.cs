namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Where the real Ollama is, or how to start it.</summary>
public sealed record OllamaOptions
{
    /// <summary>The private port on 127.0.0.1. 1 to 65,535, default 11435.</summary>
    public int BackendPort { get; init; } = 11435;

    /// <summary>True when the user named the port: then no other one is used in its place.</summary>
    public bool BackendPortChosen { get; init; }

    /// <summary>An Ollama somewhere else; no child is started then. Null by default.</summary>
    public Uri? BackendUrl { get; init; }

    /// <summary>How often Ollama is asked what it has loaded. 0 (never) to 3,600 s, default 10 s.</summary>
    public TimeSpan PollPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The <c>ollama</c> executable; null looks on PATH and in the known places.</summary>
    public string? ExecutablePath { get; init; }

    /// <summary>The proxy's own port, which the child must never get.</summary>
    public int ProxyPort { get; init; } = 11434;

    /// <summary>The user's PATH, where the executable is looked for.</summary>
    public string? SearchPath { get; init; }

    /// <summary>
    /// How this program starts itself as the child that becomes Ollama (see <see cref="ChildShim"/>): the executable, then its arguments. Null starts Ollama
    /// plainly, in our own process group.
    /// </summary>
    public IReadOnlyList<string>? ShimCommand { get; init; }
}
