namespace OllamaProxy.Application.Telemetry;

/// <summary>The content of spans.</summary>
public sealed record TracingOptions
{
    /// <summary>Whether spans carry prompts and responses, redacted and cut as in the record. Off by default.</summary>
    public bool CapturesContent { get; init; }
}
