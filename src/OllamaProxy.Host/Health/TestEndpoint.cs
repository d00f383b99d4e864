using Microsoft.AspNetCore.Http.HttpResults;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.Host.Health;

/// <summary><c>GET /test</c>: whether Ollama answers, and its models. The keys are the original program's.</summary>
internal static class TestEndpoint
{
    public static async Task<IResult> AnswerAsync(HttpContext context)
    {
        var host = context.RequestServices.GetRequiredService<IOllamaProcessSupervisor>().Backend.ToString().TrimEnd('/');
        var (models, problem) = await context.RequestServices.GetRequiredService<IOllamaClient>().ListModelsAsync(context.RequestAborted);
        return models is null
            ? Answer(new TestJson("error", host, false, null, problem), StatusCodes.Status503ServiceUnavailable)
            : Answer(new TestJson("ok", host, true, [.. models.Select(model => model.Name)], null), StatusCodes.Status200OK);
    }

    private static JsonHttpResult<TestJson> Answer(TestJson answer, int status) =>
        TypedResults.Json(answer, AnalyticsJson.Relaxed.TestJson, statusCode: status);
}
