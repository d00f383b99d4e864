using System.Net;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Access;

/// <summary>
/// Access to the proxy's own paths that show prompts. With a token in the settings, readers must send it, or have the cookie of the login page. Without one,
/// only this machine may read. Either way the Host must be allowed, and cross-site requests are rejected. Ollama's paths are not affected.
/// </summary>
internal sealed class ReaderAccess(AccessOptions options, ProxyOptions proxy, ReaderSessions sessions, TimeProvider time)
{
    public const string LoginPath = "/analytics/login";

    public AccessToken Token { get; } = new(options.Token, proxy, time);

    /// <summary>The response that rejects the request; null when it is allowed.</summary>
    public IResult? Refuse(HttpContext http)
    {
        if (RefuseForeign(http) is { } refusal)
        {
            return refusal;
        }

        if (Token.IsSet)
        {
            return (options.TrustsLocal && LocalClient.Is(http)) || sessions.Has(http) ? null : RefuseWithoutToken(http);
        }

        return LocalClient.Is(http) ? null : Answers.Problem(
            StatusCodes.Status403Forbidden,
            "Only for this machine",
            $"Records contain prompts, so only the proxy's own machine may read them. {LocalClient.WhyNot(http)} "
            + "To read them from elsewhere, start the proxy with ANALYTICS_TOKEN set to a secret of 16 characters or more, "
            + $"and send it as \"Authorization: Bearer ...\" or log in at {LoginPath}.");
    }

    /// <summary>Rejects requests for another Host and cross-site requests, even where no token is needed.</summary>
    public IResult? RefuseForeign(HttpContext http)
    {
        if (!IsOurName(http.Request.Host.Host))
        {
            return Answers.Problem(
                StatusCodes.Status403Forbidden,
                "Unknown Host header",
                "A web page could point its own name here, so only localhost, IP addresses and the names in PROXY_ALLOWED_HOSTS are accepted. Start the "
                    + "proxy with PROXY_ALLOWED_HOSTS set to the name you use.");
        }

        return CrossSite.Is(http)
            ? Answers.Problem(StatusCodes.Status403Forbidden, "Cross-site request",
                "The browser reports that a page of another site sent this request. Nothing was done.")
            : null;
    }

    private IResult? RefuseWithoutToken(HttpContext http) => AccessToken.BearerOf(http) is { } bearer
        ? Token.Refuse(http, bearer, () => Unauthorized(http, "The token is wrong."))
        : Unauthorized(http, "The token is missing.");

    /// <summary>Redirects a browser to the login page.</summary>
    private static IResult Unauthorized(HttpContext http, string what)
    {
        if (HttpMethods.IsGet(http.Request.Method) && http.Request.Headers.Accept.ToString().StartsWith("text/html", StringComparison.OrdinalIgnoreCase))
        {
            // Relative, because a proxy in front may add a prefix.
            return TypedResults.Redirect(
                $"{string.Concat(Enumerable.Repeat("../", http.Request.Path.Value!.Count(letter => letter == '/') - 1))}{LoginPath[1..]}");
        }

        http.Response.Headers.WWWAuthenticate = "Bearer realm=\"ollama-proxy analytics\"";
        return Answers.Problem(
            StatusCodes.Status401Unauthorized, "A token is required",
                $"{what} Send the value of ANALYTICS_TOKEN as \"Authorization: Bearer ...\", or log in at {LoginPath}.");
    }

    /// <summary>DNS rebinding needs a name, so addresses are always accepted.</summary>
    private bool IsOurName(string host) =>
        LocalClient.HasLoopbackName(host)
            || IPAddress.TryParse(host.Trim('[', ']'), out _)
            || options.AllowedHosts.Contains(host, StringComparer.OrdinalIgnoreCase);
}
