namespace OllamaProxy.Host.Commands;

/// <summary>The additions of another command to <see cref="ServeCommand"/>.</summary>
internal sealed record ServeHooks
{
    /// <summary>Changes the program before it is built.</summary>
    public Action<WebApplicationBuilder> Configure { get; init; } = static _ => { };

    /// <summary>Called when the proxy accepts requests.</summary>
    public Action<WebApplication> OnReady { get; init; } = static _ => { };

    /// <summary>False for a command that prints its own addresses.</summary>
    public bool HasBanner { get; init; } = true;
}
