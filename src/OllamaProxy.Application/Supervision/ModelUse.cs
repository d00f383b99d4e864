using OllamaProxy.Domain;

namespace OllamaProxy.Application.Supervision;

/// <summary>An exchange seen as a use of a model: which model it needed, from when until when, with which parameters.</summary>
/// <param name="Model">The canonical name.</param>
/// <param name="AskedAt">When the request was sent to Ollama.</param>
/// <param name="ReadyAt">When the model was ready for the request.</param>
/// <param name="EndedAt">When the request no longer needed the model.</param>
internal sealed record ModelUse(string Model, DateTimeOffset AskedAt, DateTimeOffset ReadyAt, DateTimeOffset EndedAt)
{
    /// <summary>Time until the model was ready; null on paths without <c>load_duration</c>.</summary>
    public TimeSpan? LoadTime { get; init; }

    /// <summary>The requested <c>num_ctx</c>; null accepts the current one.</summary>
    public int? ContextLength { get; init; }

    public TimeSpan? KeepAlive { get; init; }

    public long RequestBytes { get; init; }

    /// <summary>True for a request that only unloads the model.</summary>
    public bool IsUnload { get; init; }

    /// <summary>True when the model was not in memory at the time of the request.</summary>
    public bool IsLoad { get; init; }

    /// <summary>True when the load is counted for this use; others may have waited for it too.</summary>
    public bool IsCounted { get; init; }

    /// <summary>Converts an exchange; null when it does not prove that a model was loaded.</summary>
    public static ModelUse? Of(Exchange exchange)
    {
        var (request, response) = (exchange.Request, exchange.Response);
        if (!exchange.Endpoint.RunsModel(exchange.Method) || exchange.StatusCode is not (>= 200 and < 300)
            || (exchange.Outcome != ExchangeOutcome.Completed && response.ContentPieces == 0)
            || ModelName.Normalize(request.Model ?? response.Model) is not { } model || ModelName.IsCloud(model))
        {
            return null;
        }

        var (asked, ended) = (exchange.StartedAt + (exchange.QueueTime ?? TimeSpan.Zero), exchange.StartedAt + exchange.Duration);
        var isUnload = response.FinishReason == "unload";
        // The response to an empty prompt reports no durations, but all its time was the load.
        var loadTime = response.Usage.LoadDuration ?? (response.FinishReason == "load" ? ended - asked : null);
        var ready = isUnload
            ? ended
            : loadTime is { } time
            ? asked + time
            : exchange.StartedAt + (response.TimeToFirstToken ?? exchange.QueueTime ?? TimeSpan.Zero);
        return new ModelUse(model, asked, ready < ended ? ready : ended, ended)
        {
            LoadTime = loadTime,
            ContextLength = request.ContextLength,
            KeepAlive = isUnload ? TimeSpan.Zero : Supervision.KeepAlive.Parse(request.KeepAlive),
            RequestBytes = exchange.RequestBytes,
            IsUnload = isUnload,
        };
    }
}
