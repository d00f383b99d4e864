namespace OllamaProxy.SimulatedOllama;

/// <summary>The options of the simulated Ollama.</summary>
public sealed record SimulatedOllamaOptions
{
    /// <summary>The address to listen on; the Host rules apply only to loopback, as in the real one. Default 127.0.0.1.</summary>
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>0 (default) takes any free port.</summary>
    public int Port { get; init; }

    /// <summary>The version of <c>/api/version</c>.</summary>
    public string Version { get; init; } = "0.32.15";

    public IReadOnlyList<SimulatedModel> Models { get; init; } = SimulatedModel.Small;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The same seed generates the same words.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Concurrent requests of one model (<c>OLLAMA_NUM_PARALLEL</c>); further ones wait without limit.</summary>
    public int NumParallel { get; init; } = 1;

    /// <summary>Models in memory (<c>OLLAMA_MAX_LOADED_MODELS</c>); one more evicts the one unused for longest. 0 (default) means no limit.</summary>
    public int MaxLoadedModels { get; init; }

    /// <summary>Requests that may wait for a model to load (<c>OLLAMA_MAX_QUEUE</c>); further ones get 503.</summary>
    public int MaxQueue { get; init; } = 512;

    /// <summary>
    /// Whether Ollama's own API reports cached prompt tokens (<c>prompt_eval_cached_count</c>), here a quarter of the prompt. Default false, as in the
    /// recordings.
    /// </summary>
    public bool TellsCachedTokens { get; init; }

    /// <summary>The response to a user's text; null lets the model generate words, which is the default.</summary>
    public Func<string, SimulatedAnswer?> Answers { get; init; } = static _ => null;

    /// <summary>The delay of the first byte with <see cref="Fault.Slow"/>.</summary>
    public TimeSpan SlowFirstByte { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>A model of the simulated Ollama.</summary>
/// <param name="Name">Name with tag, for example <c>llama3.2:3b</c>.</param>
public sealed record SimulatedModel(string Name)
{
    /// <summary>Generated tokens per second; 0 means no delay.</summary>
    public double TokensPerSecond { get; init; }

    /// <summary>The duration of a cold load.</summary>
    public TimeSpan LoadTime { get; init; }

    public int ContextLength { get; init; } = 4096;

    /// <summary>The dimensions of an embedding.</summary>
    public int EmbeddingLength { get; init; } = 512;

    /// <summary>Bytes on disk.</summary>
    public long Size { get; init; } = 5_085_321;

    /// <summary>The part of the loaded model in GPU memory, 0 to 1.</summary>
    public double GpuRatio { get; init; }

    public string Family { get; init; } = "llama";

    public string ParameterSize { get; init; } = "2.53M";

    public string Quantization { get; init; } = "F16";

    public bool IsEmbedding { get; init; }

    public bool Thinks { get; init; }

    public bool CallsTools { get; init; }

    /// <summary>Whether it accepts images.</summary>
    public bool Sees { get; init; }

    /// <summary>True for the fixed sentence of the recordings; otherwise it generates words.</summary>
    public bool SaysFixedSentence { get; init; }

    /// <summary>The models of the recordings (tests/transcripts): unlimited speed, no load time.</summary>
    public static IReadOnlyList<SimulatedModel> Small { get; } =
    [
        new("slow:latest") { Size = 334_439_284, ParameterSize = "167.18M" },
        new("tiny:latest") { Thinks = true, CallsTools = true, SaysFixedSentence = true },
        new("tiny-embed:latest") { IsEmbedding = true, ContextLength = 512 },
        new("tiny-jinja:latest") { SaysFixedSentence = true },
    ];
}
