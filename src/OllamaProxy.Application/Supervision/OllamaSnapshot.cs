namespace OllamaProxy.Application.Supervision;

/// <summary>What is known of Ollama at one moment. Null is unknown: it did not answer, or was not asked yet.</summary>
public sealed record OllamaSnapshot
{
    public static OllamaSnapshot Unknown { get; } = new() { TakenAt = DateTimeOffset.MinValue };

    /// <summary>When Ollama was asked, UTC.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>True when it answered; false when there is none to connect to; null when it is there and no answer came.</summary>
    public bool? IsUp { get; init; }

    /// <summary>Why it is not known, fit for a person; null when it is.</summary>
    public string? Problem { get; init; }

    /// <summary>The process id of the Ollama we started; null when it is not ours.</summary>
    public int? ProcessId { get; init; }

    public string? Version { get; init; }

    /// <summary>Models on disk.</summary>
    public int? InstalledCount { get; init; }

    /// <summary>Their bytes.</summary>
    public long? InstalledSize { get; init; }

    /// <summary>The models in memory, in Ollama's order.</summary>
    public IReadOnlyList<LoadedModel>? Loaded { get; init; }

    /// <summary>The loaded model of that canonical name; null when it is not loaded, or that is not known.</summary>
    public LoadedModel? Find(string? model) => LoadedModel.Find(Loaded ?? [], model);
}

/// <summary>A model on Ollama's disk.</summary>
/// <param name="Name">As Ollama spells it.</param>
/// <param name="Size">Bytes.</param>
public sealed record InstalledModel(string Name, long Size);

/// <summary>A model in Ollama's memory, as <c>/api/ps</c> tells.</summary>
/// <param name="Name">The canonical name.</param>
public sealed record LoadedModel(string Name)
{
    /// <summary>The name as Ollama spells it.</summary>
    public string DisplayName { get; init; } = Name;

    /// <summary>Bytes in all.</summary>
    public long Size { get; init; }

    /// <summary>Bytes on graphics cards; 0 on the processor alone, equal to <see cref="Size"/> when it fits whole.</summary>
    public long VramSize { get; init; }

    /// <summary>The tokens one request has room for: the real <c>num_ctx</c>; null when Ollama does not say.</summary>
    public int? ContextLength { get; init; }

    /// <summary>When it will be unloaded unless it is used again; null is never. While it is in use this is out of date, and may be in the past.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public string? Family { get; init; }

    /// <summary>As Ollama writes it, for example <c>3.2B</c>.</summary>
    public string? ParameterSize { get; init; }

    /// <summary>For example <c>Q4_K_M</c>.</summary>
    public string? Quantization { get; init; }

    /// <summary>The model of that canonical name; null when it is not there.</summary>
    public static LoadedModel? Find(IReadOnlyList<LoadedModel> models, string? name)
    {
        for (var index = 0; index < models.Count; index++)
        {
            if (models[index].Name == name)
            {
                return models[index];
            }
        }

        return null;
    }
}
