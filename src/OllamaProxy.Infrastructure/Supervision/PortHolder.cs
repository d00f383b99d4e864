namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The kind of program on a port.</summary>
public enum PortHolderKind
{
    None,
    Ollama,
    Proxy,

    /// <summary>Another program.</summary>
    Foreign,
}

/// <param name="Kind">The kind of program.</param>
/// <param name="Description">The program in words, to follow "is in use by".</param>
/// <param name="Version">Ollama's version; null when unknown.</param>
public sealed record PortHolder(PortHolderKind Kind, string Description, string? Version = null)
{
    /// <summary>The header on <c>/healthz</c> that identifies an ollama-proxy: by design, nothing else distinguishes it from Ollama.</summary>
    public const string ProxyHeader = "Ollama-Proxy";

    /// <summary>The header that identifies this run of the program.</summary>
    public const string InstanceHeader = "Ollama-Proxy-Instance";

    /// <summary>The run of the proxy that answered; null for other programs.</summary>
    public string? Instance { get; init; }

    internal static PortHolder None { get; } = new(PortHolderKind.None, "no program");
}

/// <summary>The random id of this run, by which it recognizes itself when it probes its own port.</summary>
public sealed class ProxyInstance
{
    public string Id { get; } = Guid.NewGuid().ToString("N");
}
