using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Host.Analytics;

/// <summary>Responses of the own endpoints.</summary>
internal static class Answers
{
    public static IResult Problem(int status, string title, string? detail = null, IReadOnlyDictionary<string, string[]>? errors = null) =>
        TypedResults.Json(new ProblemJson(title, status, detail, errors), AnalyticsJson.Relaxed.ProblemJson, "application/problem+json", status);

    /// <summary>400 that names each parameter.</summary>
    public static IResult WrongParameters(IReadOnlyDictionary<string, string[]> errors) => Problem(
        StatusCodes.Status400BadRequest, "Invalid parameter", string.Join(" ", errors.Select(error => $"{error.Key} {error.Value[0]}")), errors);

    /// <summary>405 for every other method of the path, instead of forwarding it to Ollama.</summary>
    public static IResult WrongMethod(HttpContext context, IReadOnlyList<LocalEndpoint> methods)
    {
        var allowed = methods.SelectMany(endpoint => endpoint.Method == HttpMethods.Get ? (string[])["GET", "HEAD"] : [endpoint.Method]);
        context.Response.Headers.Allow = string.Join(", ", allowed);
        return Problem(StatusCodes.Status405MethodNotAllowed, $"Only {context.Response.Headers.Allow} is allowed here");
    }

    /// <summary>503 without a store; otherwise null.</summary>
    public static IResult? Off(HttpContext context) => context.RequestServices.GetRequiredService<IAnalyticsStore>().Remembers
        ? null
        : Problem(StatusCodes.Status503ServiceUnavailable, "Analytics are off",
            "Nothing is recorded because ANALYTICS_BACKEND is none. Start the proxy with ANALYTICS_BACKEND=sqlite to turn it on.");
}
