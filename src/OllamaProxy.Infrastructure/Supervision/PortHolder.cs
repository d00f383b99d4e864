namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Who answers on a port.</summary>
public enum PortHolderKind
{
    /// <summary>Nobody listens.</summary>
    None,

    /// <summary>A real Ollama.</summary>
    Ollama,

    /// <summary>An ollama-proxy, this one or another.</summary>
    Proxy,

    /// <summary>Something else.</summary>
    Foreign,
}

/// <param name="Kind">What it is.</param>
/// <param name="Description">The same in words that fit after "is held by".</param>
/// <param name="Version">Ollama's version, when it is one and told it.</param>
public sealed record PortHolder(PortHolderKind Kind, string Description, string? Version = null)
{
    /// <summary>The header by which an ollama-proxy tells itself apart on <c>/healthz</c>: everything else about it looks like Ollama, by design.</summary>
    public const string ProxyHeader = "Ollama-Proxy";

    /// <summary>The header beside it that tells this run of the program from every other.</summary>
    public const string InstanceHeader = "Ollama-Proxy-Instance";

    /// <summary>What the proxy that answers says of itself there; null for anything else.</summary>
    public string? Instance { get; init; }

    internal static PortHolder None { get; } = new(PortHolderKind.None, "no program");
}

/// <summary>This run of the program: a random name by which it recognizes itself when it probes its port.</summary>
public sealed class ProxyInstance
{
    public string Id { get; } = Guid.NewGuid().ToString("N");
}
