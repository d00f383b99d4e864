namespace OllamaProxy.Application.Recording;

/// <summary>How much text a record keeps.</summary>
public enum CaptureMode
{
    /// <summary>The beginning: <see cref="RecordingOptions.PreviewLength"/> characters.</summary>
    Preview,

    /// <summary>Everything the readers kept, up to 64 KiB per text.</summary>
    Full,

    /// <summary>No text at all.</summary>
    None,
}

/// <summary>Which exchanges the store keeps. Metrics count all of them.</summary>
public enum TrackMode
{
    All,

    /// <summary>All but polling: requests that only check Ollama's state.</summary>
    Work,

    /// <summary>Only those that run a model.</summary>
    Inference,
}

/// <summary>How exchanges become records, and which records are stored.</summary>
public sealed record RecordingOptions
{
    /// <summary>The proxy's name in records. 1 to 64 visible characters, default the machine's name.</summary>
    public string ProxyName { get; init; } = Environment.MachineName;

    /// <summary>The backend's name in records.</summary>
    public string BackendName { get; init; } = "local";

    /// <summary>Exchanges waiting to be recorded; more are dropped and counted. 1 to 1,000,000, default 10,000.</summary>
    public int QueueCapacity { get; init; } = 10_000;

    public CaptureMode Capture { get; init; } = CaptureMode.Preview;

    /// <summary>Characters kept of each text. 0 to 1,000,000, default 1,000.</summary>
    public int PreviewLength { get; init; } = 1_000;

    /// <summary>Names of the built-in patterns whose matches are redacted (<see cref="Redaction.BuiltInPatterns"/>). Default none.</summary>
    public IReadOnlyList<string> Redact { get; init; } = [];

    /// <summary>Valid regular expressions whose matches are also redacted. Default none.</summary>
    public IReadOnlyList<string> RedactPatterns { get; init; } = [];

    /// <summary>The time limit for redacting one text; beyond it the text is withheld. Default 250 ms.</summary>
    public TimeSpan RedactTimeLimit { get; init; } = TimeSpan.FromMilliseconds(250);

    public TrackMode Track { get; init; } = TrackMode.All;

    public bool TrackEmbeddings { get; init; } = true;

    /// <summary>How long a record may wait for others before it is written, and so what a kill can lose. 0 to 60 s, default 250 ms.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromMilliseconds(250);
}
