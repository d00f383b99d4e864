using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Health;

/// <summary>
/// <c>GET /healthz</c>: 200 while the proxy takes requests, 503 once it stops. Says nothing about Ollama: a proxy is alive without one. A store
/// that does not work is told, and is no reason to restart a proxy that does.
/// </summary>
internal static class HealthEndpoint
{
    public static void MapHealth(this IEndpointRouteBuilder endpoints) => endpoints.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)AnswerAsync);

    private static Task AnswerAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var stopping = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested;
        context.Response.Headers[PortHolder.ProxyHeader] = HelpText.Version;
        context.Response.Headers[PortHolder.InstanceHeader] = services.GetRequiredService<ProxyInstance>().Id;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        var problem = services.GetRequiredService<StoreHealth>().Problem;
        var answer = new HealthJson(stopping ? "stopping" : problem is null ? "ok" : "degraded", problem is null ? StoreJson.Ok : Store(context, problem));
        var status = stopping ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        return TypedResults.Json(answer, AnalyticsJson.Relaxed.HealthJson, statusCode: status).ExecuteAsync(context);
    }

    /// <summary>Paths of this machine are in the text, and everybody who reaches the port may ask.</summary>
    private static StoreJson Store(HttpContext context, StoreProblem problem) => new(
        "degraded",
        LocalClient.Is(context) ? problem.Text : "The log of the proxy says why.",
        problem.Since,
        context.RequestServices.GetRequiredService<RecordBatch>().Count);
}
