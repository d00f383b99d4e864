using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>Typical models for one good GPU.</summary>
internal static class DemoModels
{
    public static IReadOnlyList<SimulatedModel> All { get; } =
    [
        new("llama3.2:3b") { GpuRatio = 1, TokensPerSecond = 95, LoadTime = TimeSpan.FromSeconds(0.8), ContextLength = 131_072, Size = 2_019_393_189,
            ParameterSize = "3.2B", Quantization = "Q4_K_M", CallsTools = true },
        new("qwen3:8b") { GpuRatio = 1, TokensPerSecond = 60, LoadTime = TimeSpan.FromSeconds(1.5), ContextLength = 40_960, Size = 5_225_388_164,
            Family = "qwen3", ParameterSize = "8.2B", Quantization = "Q4_K_M", Thinks = true, CallsTools = true },
        new("gemma3:12b") { GpuRatio = 1, TokensPerSecond = 42, LoadTime = TimeSpan.FromSeconds(2.1), ContextLength = 131_072, Size = 8_149_190_253,
            Family = "gemma3", ParameterSize = "12.2B", Quantization = "Q4_K_M", Sees = true },
        new("phi4:latest") { GpuRatio = 1, TokensPerSecond = 36, LoadTime = TimeSpan.FromSeconds(2.3), ContextLength = 16_384, Size = 9_053_116_391,
            Family = "phi3", ParameterSize = "14.7B", Quantization = "Q4_K_M" },
        new("deepseek-r1:14b") { GpuRatio = 0.82, TokensPerSecond = 34, LoadTime = TimeSpan.FromSeconds(2.4), ContextLength = 131_072, Size = 8_988_112_209,
            Family = "qwen2", ParameterSize = "14.8B", Quantization = "Q4_K_M", Thinks = true },
        new("nomic-embed-text:latest") { GpuRatio = 1, TokensPerSecond = 2_000, LoadTime = TimeSpan.FromSeconds(0.3), ContextLength = 2_048,
            EmbeddingLength = 768, Size = 274_302_450, Family = "nomic-bert", ParameterSize = "137M", IsEmbedding = true },
    ];
}
