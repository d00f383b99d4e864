namespace OllamaProxy.Host.Proxy;

/// <summary>The paths that the proxy answers itself. They are never recorded and never forwarded.</summary>
internal static class LocalPaths
{
    /// <summary>Compares the target as it was sent: a path that Ollama would read differently is Ollama's. So is <c>/metrics</c> with its own port.</summary>
    public static bool Contains(ReadOnlySpan<char> target, bool hasMetrics = true)
    {
        var query = target.IndexOf('?');
        var path = query < 0 ? target : target[..query];
        return
            path is "/analytics" or "/test" or "/healthz"
            || path.StartsWith("/analytics/", StringComparison.Ordinal)
            || (hasMetrics && path is "/metrics");
    }
}
