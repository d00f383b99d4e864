namespace OllamaProxy.Application.Recording;

/// <summary>How exchanges become records.</summary>
public sealed record RecordingOptions
{
    /// <summary>Exchanges waiting to be recorded; more are dropped and counted. 1 to 1,000,000, default 10,000.</summary>
    public int QueueCapacity { get; init; } = 10_000;

    /// <summary>Characters kept of each text. 0 to 1,000,000, default 1,000.</summary>
    public int PreviewLength { get; init; } = 1_000;
}
