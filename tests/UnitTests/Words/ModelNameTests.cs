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
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Every_spelling_of_a_model_is_one_name(string? name, string? expected)
    {
        Assert.Equal(expected, ModelName.Normalize(name));
    }

    [Fact]
    public void A_name_longer_than_any_model_is_cut()
    {
        Assert.InRange(ModelName.Normalize(new string('x', 10_000))!.Length, 1, ModelName.MaxLength + ":latest".Length);
    }
}
