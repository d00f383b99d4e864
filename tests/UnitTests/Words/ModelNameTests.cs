using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class ModelNameTests
{
    [Theory]
    [InlineData("phi4", "phi4:latest")]
    [InlineData(" PHI4:Latest ", "phi4:latest")]
    [InlineData("registry.ollama.ai/library/fake:local", "fake:latest")]
    [InlineData("library/phi4:14b", "phi4:14b")]
    [InlineData("hf.co/user/model", "hf.co/user/model:latest")]
    [InlineData("localhost:5000/user/model", "localhost:5000/user/model:latest")]
    [InlineData("https://hf.co/a/B-GGUF:Q4_K_M", "hf.co/a/b-gguf:q4_k_m")]
    [InlineData("HTTP://Registry.Ollama.AI/Library/Qwen3:8B", "qwen3:8b")]
    [InlineData("ollama://localhost:5000/x/m", "localhost:5000/x/m:latest")]
    [InlineData("https://registry.ollama.ai/library/", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Every_spelling_of_a_model_is_one_name(string? name, string? expected)
    {
        Assert.Equal(expected, ModelName.Normalize(name));
    }

    [Theory]
    [InlineData("https://hf.co/a/B-GGUF:Q4_K_M", "hf.co/a/B-GGUF:Q4_K_M")]
    [InlineData("Registry.ollama.ai/Library/Qwen3", "Qwen3:latest")]
    [InlineData(" Qwen3:8B:LOCAL ", "Qwen3:8B")]
    public void The_short_form_keeps_its_case(string name, string expected)
    {
        Assert.Equal(expected, ModelName.Shorten(name));
    }

    [Fact]
    public void An_overlong_name_is_cut()
    {
        Assert.InRange(ModelName.Normalize(new string('x', 10_000))!.Length, 1, ModelName.MaxLength + ":latest".Length);
    }
}
