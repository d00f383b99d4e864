using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Health;

/// <summary><c>GET /test</c>: does Ollama answer, and which models does it have? Its keys are the original program's.</summary>
internal static class TestEndpoint
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    public static void MapTest(this IEndpointRouteBuilder endpoints) => endpoints.MapOwn("/test", AnswerAsync);

    private static async Task<IResult> AnswerAsync(HttpContext context)
    {
        var backend = context.RequestServices.GetRequiredService<IOllamaProcessSupervisor>().Backend;
        var invoker = context.RequestServices.GetRequiredService<OllamaConnections>().Invoker;
        var host = backend.ToString().TrimEnd('/');
        using var time = new CancellationTokenSource(s_timeout, context.RequestServices.GetRequiredService<TimeProvider>());
        using var either = CancellationTokenSource.CreateLinkedTokenSource(time.Token, context.RequestAborted);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(backend, "/api/tags"));
            using var response = await invoker.SendAsync(request, either.Token);
            if (!response.IsSuccessStatusCode)
            {
                return Failed(host, $"Ollama answered with status {(int)response.StatusCode}.");
            }

            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            using var tags = await JsonDocument.ParseAsync(body, cancellationToken: either.Token);
            string[] models = [.. tags.RootElement.GetProperty("models").EnumerateArray().Select(model => model.GetProperty("name").GetString()!)];
            return TypedResults.Json(new TestJson("ok", host, true, models, null), AnalyticsJson.Relaxed.TestJson);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            return Failed(host, $"Ollama did not answer within {s_timeout.TotalSeconds} s.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return Failed(host, $"No answer from Ollama: {exception.Message}");
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return Failed(host, "What answers there is no Ollama: its /api/tags is not a list of models.");
        }
    }

    private static JsonHttpResult<TestJson> Failed(string host, string error) =>
        TypedResults.Json(new TestJson("error", host, false, null, error), AnalyticsJson.Relaxed.TestJson, statusCode: StatusCodes.Status503ServiceUnavailable);
}
