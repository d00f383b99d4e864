namespace OllamaProxy.Host.Commands;

/// <summary>What another command adds to <see cref="ServeCommand"/>.</summary>
internal sealed record ServeHooks
{
    /// <summary>Changes the program before it is built.</summary>
    public Action<WebApplicationBuilder> Configure { get; init; } = static _ => { };

    /// <summary>Called once requests are taken.</summary>
    public Action<WebApplication> OnReady { get; init; } = static _ => { };

    /// <summary>False for a command that says itself where to connect.</summary>
    public bool HasBanner { get; init; } = true;
}
