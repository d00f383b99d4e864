namespace OllamaProxy.Application.Import;

/// <summary>
/// A row of the table <c>interactions</c> of the original Ollama Metrics Proxy, as it stands there: with the driver's text for the time, paths in place of
/// labels, ports behind addresses, and 0 for what was not known.
/// </summary>
public sealed record OriginalInteraction
{
    public required long Id { get; init; }

    /// <summary>Go's <c>Time.String()</c>: <c>2026-11-23 11:41:24.797800831 +0000 UTC m=+58.5</c>; or, from a driver that knows better, RFC 3339.</summary>
    public string? Timestamp { get; init; }

    public string? Model { get; init; }

    public string? Endpoint { get; init; }

    public string? Prompt { get; init; }

    public string? Category { get; init; }

    /// <summary>The first 200 bytes of the answer.</summary>
    public string? Response { get; init; }

    /// <summary>Seconds, without the time in the original's own line.</summary>
    public double? Duration { get; init; }

    public long? OutputTokens { get; init; }

    public double? TokensPerSecond { get; init; }

    public long? InputTokens { get; init; }

    /// <summary>Seconds.</summary>
    public double? LoadDuration { get; init; }

    /// <summary>Seconds.</summary>
    public double? TotalDuration { get; init; }

    /// <summary>Seconds.</summary>
    public double? TimeToFirstToken { get; init; }

    public long? StatusCode { get; init; }

    /// <summary><c>success</c> or <c>error</c>.</summary>
    public string? Status { get; init; }

    public string? Error { get; init; }

    public string? UserAgent { get; init; }

    /// <summary>An address with a port, or <c>forwarded (via address with a port)</c>.</summary>
    public string? Client { get; init; }
}
