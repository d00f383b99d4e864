using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Health;

/// <summary><c>GET /healthz</c>: 200 while the proxy takes requests, 503 once it stops. Says nothing about Ollama: a proxy is alive without one.</summary>
internal static class HealthEndpoint
{
    public static void MapHealth(this IEndpointRouteBuilder endpoints) => endpoints.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)AnswerAsync);

    private static Task AnswerAsync(HttpContext context)
    {
        var stopping = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested;
        context.Response.StatusCode = stopping ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        context.Response.Headers[PortHolder.ProxyHeader] = HelpText.Version;
        context.Response.Headers[PortHolder.InstanceHeader] = context.RequestServices.GetRequiredService<ProxyInstance>().Id;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(stopping ? """{"status":"stopping"}""" : """{"status":"ok"}""", context.RequestAborted);
    }
}
