namespace OllamaProxy.Domain;

/// <summary>Why Ollama had to load a model.</summary>
public enum LoadCause
{
    /// <summary>Nothing is known of an earlier load.</summary>
    Cold,

    /// <summary>It was loaded and had been unloaded because its <c>keep_alive</c> was over, or on request.</summary>
    Expired,

    /// <summary>It was loaded and had to make room for another model.</summary>
    Evicted,

    /// <summary>It was loaded with another <c>num_ctx</c>.</summary>
    ParamsChanged,

    /// <summary>It was loaded, and Ollama was gone in between.</summary>
    Restart,

    /// <summary>It was loaded, and nothing that is known explains why it no longer was.</summary>
    Unknown,
}

/// <summary>The names under which causes are stored, exported and counted.</summary>
public static class LoadCauses
{
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
