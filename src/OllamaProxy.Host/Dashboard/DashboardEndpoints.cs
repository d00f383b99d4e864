using Microsoft.Net.Http.Headers;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.Host.Dashboard;

/// <summary>
/// The page at <c>/analytics</c> for clients that accept HTML (browsers; others get the list of paths), and its files. All its links are relative, so it works
/// behind a proxy that adds a prefix.
/// </summary>
internal static class DashboardEndpoints
{
    /// <summary>Allows its own files and the API only: no inline script or style, no other origin, no HTML from text.</summary>
    public const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    /// <summary>The path of the files, whose names change with their content.</summary>
    public static IReadOnlyList<LocalEndpoint> All { get; } =
    [
        new("GET", "/analytics/assets/{name}", "A file of the dashboard.", (http, _) => AssetAsync(http)) { MediaTypes = [] },
    ];

    /// <summary>The page for a browser, the list of paths for everything else.</summary>
    public static Task<IResult> IndexAsync(HttpContext http)
    {
        http.Response.Headers.Vary = "Accept, Accept-Encoding";
        if (!WantsHtml(http.Request))
        {
            return AnalyticsEndpoints.IndexAsync();
        }

        http.Response.Headers.ContentSecurityPolicy = Policy;
        // Relative links in the page resolve differently for "analytics" and "analytics/".
        var page = http.Request.Path.Value!.EndsWith('/') ? "index.html" : "index.above.html";
        return Task.FromResult(Answer(http, page, "no-cache"));
    }

    private static Task<IResult> AssetAsync(HttpContext http)
    {
        http.Response.Headers.Vary = "Accept-Encoding";
        // Shared caches must not keep the page.
        return Task.FromResult(Answer(http, $"assets/{http.Request.RouteValues["name"]}", "private, max-age=31536000, immutable"));
    }

    private static IResult Answer(HttpContext http, string name, string caching)
    {
        if (DashboardFiles.Get(name, http.Request.Headers.AcceptEncoding.ToString()) is not { } file)
        {
            return Answers.Problem(StatusCodes.Status404NotFound, "No such file", "The page belongs to another version of the program: reload it.");
        }

        http.Response.Headers.CacheControl = caching;
        http.Response.Headers.ETag = file.ETag;
        if (http.Request.Headers.IfNoneMatch.ToString() is { Length: > 0 } known
            && known.Split(',', StringSplitOptions.TrimEntries).Any(tag => tag is "*" || tag.EndsWith(file.ETag, StringComparison.Ordinal)))
        {
            return TypedResults.StatusCode(StatusCodes.Status304NotModified);
        }

        if (file.Encoding is { } encoding)
        {
            http.Response.Headers.ContentEncoding = encoding;
        }

        return TypedResults.Bytes(file.Bytes, MediaTypeOf(name));
    }

    private static string MediaTypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };

    /// <summary>Browsers accept HTML explicitly; curl and libraries accept anything, and get JSON, as from the original program.</summary>
    private static bool WantsHtml(HttpRequest request) => MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var types)
        && types.Where(type => type.Quality is not 0).OrderByDescending(type => type.Quality ?? 1)
            .FirstOrDefault(type => type.MediaType.Value is "text/html" or "application/json") is { MediaType.Value: "text/html" };
}
