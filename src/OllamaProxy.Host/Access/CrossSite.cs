namespace OllamaProxy.Host.Access;

/// <summary>
/// Detects requests that a page of another origin makes a browser send. Without CORS headers the page cannot read the response, but a write would still take
/// effect and a stream would stay open.
/// </summary>
internal static class CrossSite
{
    public static bool Is(HttpContext http)
    {
        var headers = http.Request.Headers;
        var isWrite = !HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method);
        if (headers["Sec-Fetch-Site"] is [{ } site])
        {
            // "same-site" includes other ports of localhost. Following a link is harmless: the page cannot read the response.
            return site is not ("same-origin" or "none") && (isWrite || headers["Sec-Fetch-Mode"] != "navigate");
        }

        // Browsers omit the header above without TLS, but they send the Origin of every write.
        return isWrite && headers.Origin is [{ } origin] && !IsOwn(origin, http.Request.Host.Value);
    }

    /// <summary>The scheme is ignored, because TLS may end before the proxy.</summary>
    private static bool IsOwn(string origin, string? host) =>
        origin.IndexOf("://", StringComparison.Ordinal) is > 0 and var at && string.Equals(origin[(at + 3)..], host, StringComparison.OrdinalIgnoreCase);
}
