using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The list of dialects.</summary>
public static class WireProtocols
{
    /// <summary>One per <see cref="ApiDialect"/>.</summary>
    public static IReadOnlyList<WireProtocol> All { get; } = [new OllamaNative(), new OpenAi(), new Anthropic()];

    /// <summary>The protocol of an endpoint.</summary>
    public static WireProtocol Of(ApiEndpoint endpoint) => All[(int)endpoint.Dialect];
}
