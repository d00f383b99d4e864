using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Health;

/// <summary>
/// <c>GET /healthz</c>: 200 while the proxy serves requests, 503 when it stops. It does not depend on Ollama, because the proxy is healthy without. A broken
/// store is reported, but does not justify a restart.
/// </summary>
internal static class HealthEndpoint
{
    public static void MapHealth(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)AnswerAsync);

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

    /// <summary>The text contains paths of this machine, and everyone who reaches the port can read it.</summary>
    private static StoreJson Store(HttpContext context, StoreProblem problem) => new(
        "degraded",
        LocalClient.Is(context) ? problem.Text : "The log of the proxy has the reason.",
        problem.Since,
        context.RequestServices.GetRequiredService<RecordBatch>().Count);
}
