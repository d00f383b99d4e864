using System.Text.Json.Serialization;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Analytics;

/// <summary>A running request in <c>/analytics/live</c>.</summary>
internal sealed record RunningJson(
    [property: JsonPropertyName("request_id")] string RequestId,
    [property: JsonPropertyName("phase")] string Phase,
    [property: JsonPropertyName("started_at")] DateTimeOffset StartedAt,
    [property: JsonPropertyName("endpoint")] string Endpoint,
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("model")] string? Model,
    [property: JsonPropertyName("client_ip")] string? ClientIp,
    [property: JsonPropertyName("user_agent")] string? UserAgent,
    [property: JsonPropertyName("application")] string? Application,
    [property: JsonPropertyName("elapsed")] double Elapsed,
    [property: JsonPropertyName("output_tokens")] int OutputTokens)
{
    public static RunningJson Of(RunningRequest request, ModelNames models)
    {
        var exchange = request.Exchange;
        return new RunningJson(
            exchange.Id,
            request.Phase switch { RequestPhase.Queued => "queued", RequestPhase.Waiting => "waiting", RequestPhase.Writing => "writing", _ => "ended" },
            exchange.Timings.StartedAt,
            exchange.Endpoint.Label,
            exchange.Method,
            models.DisplayOf(ModelName.Normalize(exchange.Observation.Model)),
            exchange.ClientAddress,
            // Cut to the same length as in a record.
            TextCut.Beginning(exchange.UserAgent, 500),
            ApplicationNames.Of(exchange.UserAgent),
            request.Elapsed.TotalSeconds,
            request.Tokens);
    }
}
