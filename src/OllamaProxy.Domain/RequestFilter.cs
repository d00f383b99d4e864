namespace OllamaProxy.Domain;

/// <summary>Which records: every set part must match.</summary>
public sealed record RequestFilter
{
    public static RequestFilter Everything { get; } = new();

    /// <summary>A model, in any spelling Ollama accepts.</summary>
    public string? Model { get; init; }

    /// <summary>Text that must occur in the prompt, in any case.</summary>
    public string? PromptSearch { get; init; }

    /// <summary>Not before this instant (inclusive).</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Not after this instant (inclusive).</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>At most this many, newest first; null for all.</summary>
    public int? Limit { get; init; }
}

/// <summary>What a store knows of itself and of everything in it.</summary>
public sealed record AnalyticsStats
{
    /// <summary><c>sqlite</c>, <c>jsonl</c> or <c>none</c>.</summary>
    public required string Backend { get; init; }

    /// <summary>Where the records live; null for a store that remembers nothing.</summary>
    public string? DataDirectory { get; init; }

    public long TotalRecords { get; init; }

    /// <summary>Bytes on disk, write-ahead log included.</summary>
    public long SizeBytes { get; init; }

    public DateTimeOffset? Oldest { get; init; }

    public DateTimeOffset? Newest { get; init; }
}
