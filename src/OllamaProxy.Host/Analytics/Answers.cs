namespace OllamaProxy.Host.Analytics;

/// <summary>Answers of our own endpoints.</summary>
internal static class Answers
{
    public static IResult Problem(int status, string title, string? detail = null, IReadOnlyDictionary<string, string[]>? errors = null) =>
        TypedResults.Json(new ProblemJson(title, status, detail, errors), AnalyticsJson.Relaxed.ProblemJson, "application/problem+json", status);

    /// <summary>The same path with every method we do not have: named, instead of passed on to Ollama.</summary>
    public static IResult WrongMethod(HttpContext context)
    {
        context.Response.Headers.Allow = "GET";
        return Problem(StatusCodes.Status405MethodNotAllowed, "Only GET is answered here");
    }
}
