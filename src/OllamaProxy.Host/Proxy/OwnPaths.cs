namespace OllamaProxy.Host.Proxy;

/// <summary>The paths the proxy answers itself; everything else belongs to Ollama. They are never recorded and never forwarded.</summary>
internal static class OwnPaths
{
    private static readonly string[] s_exact = ["/analytics", "/test", "/healthz"];
    private const string Metrics = "/metrics";
    private const string AnalyticsFolder = "/analytics/";

    /// <summary>Judged by the target as it was sent: what Ollama would see as another path is not ours.</summary>
    /// <param name="target">The target.</param>
    /// <param name="hasMetrics">False when <c>/metrics</c> has a port of its own.</param>
    public static bool Contains(ReadOnlySpan<char> target, bool hasMetrics = true)
    {
        var query = target.IndexOf('?');
        var path = query < 0 ? target : target[..query];
        if (path.StartsWith(AnalyticsFolder, StringComparison.Ordinal))
        {
            return true;
        }

        foreach (var own in s_exact)
        {
            if (path.SequenceEqual(own))
            {
                return true;
            }
        }

        return hasMetrics && path.SequenceEqual(Metrics);
    }
}
