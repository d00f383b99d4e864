using System.Net;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Access;

/// <summary>
/// Who may use our own paths that show prompts. With a token in the settings: whoever shows it, as a bearer or by the cookie of the login page. Without one:
/// this machine. In both cases the Host must be one of ours, and a page of another site gets nothing done here. Never asked on Ollama's paths.
/// </summary>
internal sealed class ReaderAccess(AccessOptions options, ProxyOptions proxy, ReaderSessions sessions, TimeProvider time)
{
    public const string LoginPath = "/analytics/login";

    public AccessToken Token { get; } = new(options.Token, proxy, time);

    /// <summary>The answer that refuses the request, or null when it may go on.</summary>
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
            $"This shows what was asked of your models, so only the machine the proxy runs on may read it. {LocalClient.WhyNot(http)} "
            + "To read it from elsewhere, start the proxy with ANALYTICS_TOKEN set to a secret of 16 characters or more, "
            + $"and send it as \"Authorization: Bearer ...\" or log in at {LoginPath}.");
    }

    /// <summary>The refusal of what is not meant for us, or comes from a page of another site: also where no token is needed.</summary>
    public IResult? RefuseForeign(HttpContext http)
    {
        if (!IsOurName(http.Request.Host.Host))
        {
            return Answers.Problem(
                StatusCodes.Status403Forbidden,
                "The Host header is not known",
                "A page could have made its name point here, so only localhost, IP addresses and the names in PROXY_ALLOWED_HOSTS are answered. Start the proxy with PROXY_ALLOWED_HOSTS set to the name you use.");
        }

        return CrossSite.Is(http)
            ? Answers.Problem(StatusCodes.Status403Forbidden, "A page of another site asked", "The browser says that another site's page sent this request. Nothing was done.")
            : null;
    }

    private IResult? RefuseWithoutToken(HttpContext http) => AccessToken.BearerOf(http) is { } bearer
        ? Token.Refuse(http, bearer, () => Unauthorized(http, "The token is wrong."))
        : Unauthorized(http, "The token is missing.");

    /// <summary>A person with a browser gets the page where the token is asked for.</summary>
    private static IResult Unauthorized(HttpContext http, string what)
    {
        if (HttpMethods.IsGet(http.Request.Method) && http.Request.Headers.Accept.ToString().StartsWith("text/html", StringComparison.OrdinalIgnoreCase))
        {
            // Relative, because a proxy before us may have put us under a prefix.
            return TypedResults.Redirect($"{string.Concat(Enumerable.Repeat("../", http.Request.Path.Value!.Count(letter => letter == '/') - 1))}{LoginPath[1..]}");
        }

        http.Response.Headers.WWWAuthenticate = "Bearer realm=\"ollama-proxy analytics\"";
        return Answers.Problem(
            StatusCodes.Status401Unauthorized, "The token is needed", $"{what} Send the value of ANALYTICS_TOKEN as \"Authorization: Bearer ...\", or log in at {LoginPath}.");
    }

    /// <summary>An address cannot be made to point elsewhere; a name can.</summary>
    private bool IsOurName(string host) =>
        LocalClient.HasLoopbackName(host) || IPAddress.TryParse(host.Trim('[', ']'), out _) || options.AllowedHosts.Contains(host, StringComparer.OrdinalIgnoreCase);
}
