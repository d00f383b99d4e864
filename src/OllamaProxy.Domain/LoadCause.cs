namespace OllamaProxy.Domain;

/// <summary>Why Ollama had to load a model.</summary>
public enum LoadCause
{
    /// <summary>No earlier load is known.</summary>
    Cold,

    /// <summary>It was loaded and had been unloaded because its <c>keep_alive</c> was over, or on request.</summary>
    Expired,

    /// <summary>It was evicted to make room for another model.</summary>
    Evicted,

    /// <summary>It was loaded with another <c>num_ctx</c>.</summary>
    ParamsChanged,

    /// <summary>Ollama restarted since it was loaded.</summary>
    Restart,

    /// <summary>It was loaded earlier, and no known event explains why it no longer was.</summary>
    Unknown,
}

/// <summary>The names under which causes are stored, exported and counted.</summary>
public static class LoadCauses
{
    public static ClosedSet<LoadCause> Set { get; } = new(Name);

    /// <summary>The stored name, in snake case as every other stored word.</summary>
    public static string Name(this LoadCause cause) => cause switch
    {
        LoadCause.Cold => "cold",
        LoadCause.Expired => "expired",
        LoadCause.Evicted => "evicted",
        LoadCause.ParamsChanged => "params_changed",
        LoadCause.Restart => "restart",
        LoadCause.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(cause), cause, "A cause without a name."),
    };
}
