using System.Globalization;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Where Ollama is, or how to start it.</summary>
public sealed record OllamaOptions
{
    /// <summary>The private port. 1 to 65,535, default 11435.</summary>
    public int BackendPort { get; init; } = 11435;

    /// <summary>
    /// The host the child binds, in Ollama's syntax, IPv6 in brackets. Default 127.0.0.1; with any address that other machines reach, they can bypass the
    /// proxy.
    /// </summary>
    public string BindHost { get; init; } = "127.0.0.1";

    /// <summary>True when the user chose the port: then no other port replaces it.</summary>
    public bool BackendPortChosen { get; init; }

    /// <summary>An external Ollama; no child is started then. Null by default.</summary>
    public Uri? BackendUrl { get; init; }

    /// <summary>The backend's name in records: <c>local</c>, or the host and port of the URL.</summary>
    public string BackendName => BackendUrl is null ? "local" : string.Create(CultureInfo.InvariantCulture, $"{BackendUrl.Host}:{BackendUrl.Port}");

    /// <summary>How often the loaded models are polled. 0 (never) to 3,600 s, default 10 s.</summary>
    public TimeSpan PollPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often Ollama is checked. 1 to 3,600 s, default 30 s.</summary>
    public TimeSpan HealthPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long no inference may receive a byte before our child is replaced. 0 (never, the default) to 86,400 s.</summary>
    public TimeSpan HangAfter { get; init; }

    /// <summary>How long a request waits while Ollama starts. 0 (not at all) to 3,600 s, default 30 s.</summary>
    public TimeSpan StartWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The <c>ollama</c> executable; null searches PATH and the known folders.</summary>
    public string? ExecutablePath { get; init; }

    /// <summary>The proxy's own port, which the child must never use.</summary>
    public int ProxyPort { get; init; } = 11434;

    /// <summary>The user's PATH, searched for the executable.</summary>
    public string? SearchPath { get; init; }

    /// <summary>Environment variables with the proxy's secrets, which Ollama does not inherit.</summary>
    public IReadOnlyList<string> WithheldVariables { get; init; } = [];

    /// <summary>
    /// The command (executable, then arguments) that starts this program as the shim (<see cref="ChildShim"/>). Null starts Ollama directly, in the proxy's
    /// process group.
    /// </summary>
    public IReadOnlyList<string>? ShimCommand { get; init; }
}
