namespace OllamaProxy.Application.Telemetry;

/// <summary>What spans of exchanges carry.</summary>
public sealed record TracingOptions
{
    /// <summary>Whether prompts and answers are in them, redacted and cut as in the record. Off by default.</summary>
    public bool CapturesContent { get; init; }
}
