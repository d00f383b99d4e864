using OllamaProxy.Domain;

namespace OllamaProxy.Application.Supervision;

/// <summary>An exchange as seen by Ollama's memory: from when until when it needed which model, with which parameters.</summary>
/// <param name="Model">The canonical name.</param>
/// <param name="AskedAt">When Ollama was asked.</param>
/// <param name="ReadyAt">When the model was ready for it.</param>
/// <param name="EndedAt">When it needed the model no more.</param>
internal sealed record ModelUse(string Model, DateTimeOffset AskedAt, DateTimeOffset ReadyAt, DateTimeOffset EndedAt)
{
    /// <summary>How long the model took to be ready; null on the paths that do not tell.</summary>
    public TimeSpan? LoadTime { get; init; }

    /// <summary><c>num_ctx</c> as asked for; null takes what there is.</summary>
    public int? ContextLength { get; init; }

    public TimeSpan? KeepAlive { get; init; }

    public long RequestBytes { get; init; }

    /// <summary>True for a request that only sends the model away.</summary>
    public bool IsUnload { get; init; }

    /// <summary>True when the model was not in memory when this was asked.</summary>
    public bool IsLoad { get; init; }

    /// <summary>True when this is the use that counts for the load; others may have waited for the same one.</summary>
    public bool IsCounted { get; init; }

    /// <summary>The use an exchange is; null when it proves no model to have been loaded.</summary>
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
        // An answer to an empty prompt tells no durations, but loading is all it did.
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
