namespace OllamaProxy.Domain;

/// <summary>Selects records: every part that is set must match. Ranges include both ends; an unknown value is in no range.</summary>
public sealed record RequestFilter
{
    public static RequestFilter Everything { get; } = new();

    /// <summary>A model, in any spelling Ollama accepts.</summary>
    public string? Model { get; init; }

    public ApiEndpoint? Endpoint { get; init; }

    public PromptCategory? Category { get; init; }

    /// <summary><see cref="ExchangeOutcomes.Status"/>.</summary>
    public string? Status { get; init; }

    public ExchangeOutcome? Outcome { get; init; }

    public ErrorType? ErrorType { get; init; }

    /// <summary>A client's address, as stored.</summary>
    public string? Client { get; init; }

    /// <summary>An application's name, as stored.</summary>
    public string? Application { get; init; }

    /// <summary>A proxy's name.</summary>
    public string? Proxy { get; init; }

    /// <summary>A backend's name.</summary>
    public string? Backend { get; init; }

    /// <summary>The identity of one record.</summary>
    public string? RequestId { get; init; }

    /// <summary>Text that must occur in the prompt or in the response, in any case, taken literally.</summary>
    public string? Search { get; init; }

    /// <summary>Text that must occur in the prompt, in any case, taken literally.</summary>
    public string? PromptSearch { get; init; }

    /// <summary>Not before this instant (inclusive).</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Not after this instant (inclusive).</summary>
    public DateTimeOffset? To { get; init; }

    public int? MinInputTokens { get; init; }

    public int? MaxInputTokens { get; init; }

    public int? MinOutputTokens { get; init; }

    public int? MaxOutputTokens { get; init; }

    public TimeSpan? MinLatency { get; init; }

    public TimeSpan? MaxLatency { get; init; }

    /// <summary>Only calls that ran a model, or only those that did not; null for both.</summary>
    public bool? IsInference { get; init; }
}

/// <summary>The sort key. A record without a value comes last in either direction; equal values come newest first.</summary>
public enum RequestOrder
{
    Time,
    Latency,
    TimeToFirstToken,
    InputTokens,
    OutputTokens,
    TokensPerSecond,
}

/// <summary>A page of records.</summary>
public sealed record RequestQuery
{
    public RequestFilter Filter { get; init; } = RequestFilter.Everything;

    public RequestOrder Order { get; init; } = RequestOrder.Time;

    public bool Ascending { get; init; }

    /// <summary>1 to 1,000.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>
    /// Continues after the page that returned this (<see cref="RequestPage.Next"/>); null for the first page. Only for the same filter, order and direction.
    /// </summary>
    public RequestCursor? After { get; init; }
}

/// <summary>A position between two records of an order. It stays valid when records are added or removed.</summary>
/// <param name="Value">The last record's value of the order, in the order's unit (microseconds, tokens, tokens per second); null when it had none.</param>
/// <param name="Id">The last record's position in the store.</param>
public sealed record RequestCursor(double? Value, long Id);

/// <param name="Records">In order.</param>
/// <param name="Next">Where the next page begins; null after the last.</param>
public sealed record RequestPage(IReadOnlyList<RequestRecord> Records, RequestCursor? Next);

/// <summary>The description of a store and of its content.</summary>
public sealed record StoreInfo
{
    /// <summary><c>sqlite</c>, <c>jsonl</c> or <c>none</c>.</summary>
    public required string Backend { get; init; }

    /// <summary>Where the records live; null for a store that keeps nothing.</summary>
    public string? DataDirectory { get; init; }

    public long TotalRecords { get; init; }

    /// <summary>Bytes on disk, write-ahead log included.</summary>
    public long SizeBytes { get; init; }

    public DateTimeOffset? Oldest { get; init; }

    public DateTimeOffset? Newest { get; init; }
}
