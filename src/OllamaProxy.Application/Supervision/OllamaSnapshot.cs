namespace OllamaProxy.Application.Supervision;

/// <summary>The state of Ollama at one moment. Null means unknown: Ollama did not answer, or was not asked yet.</summary>
public sealed record OllamaSnapshot
{
    public static OllamaSnapshot Unknown { get; } = new() { TakenAt = DateTimeOffset.MinValue };

    /// <summary>When Ollama was polled, UTC.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>True when Ollama answered; false when it refused the connection; null when it accepted and did not answer.</summary>
    public bool? IsUp { get; init; }

    /// <summary>Why the state is unknown, readable by a person; null when it is known.</summary>
    public string? Problem { get; init; }

    /// <summary>The process id of our child; null for an external Ollama.</summary>
    public int? ProcessId { get; init; }

    public string? Version { get; init; }

    /// <summary>Models on disk.</summary>
    public int? InstalledCount { get; init; }

    /// <summary>Their total bytes.</summary>
    public long? InstalledSize { get; init; }

    /// <summary>The models in memory, in Ollama's order.</summary>
    public IReadOnlyList<LoadedModel>? Loaded { get; init; }

    /// <summary>The loaded model with that canonical name; null when it is not loaded, or when that is unknown.</summary>
    public LoadedModel? Find(string? model) => LoadedModel.Find(Loaded ?? [], model);
}

/// <summary>A model on Ollama's disk.</summary>
/// <param name="Name">As Ollama spells it.</param>
/// <param name="Size">Bytes.</param>
public sealed record InstalledModel(string Name, long Size);

/// <summary>A model in memory, as <c>/api/ps</c> reports it.</summary>
/// <param name="Name">The canonical name.</param>
public sealed record LoadedModel(string Name)
{
    /// <summary>The name as Ollama spells it.</summary>
    public string DisplayName { get; init; } = Name;

    /// <summary>Total bytes.</summary>
    public long Size { get; init; }

    /// <summary>Bytes in GPU memory; 0 on the CPU alone, equal to <see cref="Size"/> when it fits completely.</summary>
    public long VramSize { get; init; }

    /// <summary>The context length of a request in tokens (the effective <c>num_ctx</c>); null when Ollama does not report it.</summary>
    public int? ContextLength { get; init; }

    /// <summary>When it will be unloaded if unused; null means never. While the model is in use, the time is stale and can be in the past.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public string? Family { get; init; }

    /// <summary>As Ollama writes it, for example <c>3.2B</c>.</summary>
    public string? ParameterSize { get; init; }

    /// <summary>For example <c>Q4_K_M</c>.</summary>
    public string? Quantization { get; init; }

    /// <summary>The model with that canonical name; null without one.</summary>
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
