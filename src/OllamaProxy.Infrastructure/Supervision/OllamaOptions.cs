using System.Globalization;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Where the real Ollama is, or how to start it.</summary>
public sealed record OllamaOptions
{
    /// <summary>The private port. 1 to 65,535, default 11435.</summary>
    public int BackendPort { get; init; } = 11435;

    /// <summary>
    /// What the child binds: a host as Ollama takes it, IPv6 in brackets. 127.0.0.1 by default; anything that other machines reach lets them go around the
    /// proxy.
    /// </summary>
    public string BindHost { get; init; } = "127.0.0.1";

    /// <summary>True when the user named the port: then no other one is used in its place.</summary>
    public bool BackendPortChosen { get; init; }

    /// <summary>An Ollama somewhere else; no child is started then. Null by default.</summary>
    public Uri? BackendUrl { get; init; }

    /// <summary>What records call this Ollama: <c>local</c>, or the host and port of the URL.</summary>
    public string BackendName => BackendUrl is null ? "local" : string.Create(CultureInfo.InvariantCulture, $"{BackendUrl.Host}:{BackendUrl.Port}");

    /// <summary>How often Ollama is asked what it has loaded. 0 (never) to 3,600 s, default 10 s.</summary>
    public TimeSpan PollPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often it is checked whether Ollama answers. 1 to 3,600 s, default 30 s.</summary>
    public TimeSpan HealthPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After how long without a byte for any of its inferences our child is replaced. 0 (never, the default) to 86,400 s.</summary>
    public TimeSpan HangAfter { get; init; }

    /// <summary>How long a request waits for an Ollama that is starting. 0 (not at all) to 3,600 s, default 30 s.</summary>
    public TimeSpan StartWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The <c>ollama</c> executable; null looks on PATH and in the known places.</summary>
    public string? ExecutablePath { get; init; }

    /// <summary>The proxy's own port, which the child must never get.</summary>
    public int ProxyPort { get; init; } = 11434;

    /// <summary>The user's PATH, where the executable is looked for.</summary>
    public string? SearchPath { get; init; }

    /// <summary>Variables of our own environment that hold our secrets: no Ollama is started with them.</summary>
    public IReadOnlyList<string> WithheldVariables { get; init; } = [];

    /// <summary>
    /// How this program starts itself as the shim between us and Ollama (see <see cref="ChildShim"/>): the executable, then its arguments. Null starts Ollama
    /// plainly, in our own process group.
    /// </summary>
    public IReadOnlyList<string>? ShimCommand { get; init; }
}
