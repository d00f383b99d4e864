namespace OllamaProxy.Host.Access;

/// <summary>
/// Tells requests that a page of another origin makes a browser send. No CORS header of ours lets such a page see an answer, but a write would be done, and
/// a stream held open, all the same.
/// </summary>
internal static class CrossSite
{
    public static bool Is(HttpContext http)
    {
        var headers = http.Request.Headers;
        var isWrite = !HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method);
        if (headers["Sec-Fetch-Site"] is [{ } site])
        {
            // "same-site" is another port of localhost, too. To follow a link here is no harm: the person sees the answer, the page does not.
            return site is not ("same-origin" or "none") && (isWrite || headers["Sec-Fetch-Mode"] != "navigate");
        }

        // Browsers leave the header above out where there is no TLS; they name the origin of every write.
        return isWrite && headers.Origin is [{ } origin] && !IsOwn(origin, http.Request.Host.Value);
    }

    /// <summary>The scheme is not compared: TLS may end before the proxy.</summary>
    private static bool IsOwn(string origin, string? host) =>
        origin.IndexOf("://", StringComparison.Ordinal) is > 0 and var at && string.Equals(origin[(at + 3)..], host, StringComparison.OrdinalIgnoreCase);
}
