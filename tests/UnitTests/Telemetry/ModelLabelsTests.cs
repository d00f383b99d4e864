using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;

namespace OllamaProxy.UnitTests.Telemetry;

public sealed class ModelLabelsTests
{
    [Fact]
    public void The_first_existing_models_get_labels_and_later_ones_are_other()
    {
        var labels = new ModelLabels(capacity: 2, new ModelNames());

        Assert.Equal("a:latest", labels.Of("a:latest", exists: true));
        Assert.Equal("b:latest", labels.Of("b:latest", exists: true));
        Assert.Equal("other", labels.Of("c:latest", exists: true));
        Assert.Equal("a:latest", labels.Of("a:latest", exists: false));
    }

    [Fact]
    public void A_label_is_spelled_as_ollama_lists_the_model_or_else_as_first_requested()
    {
        var names = new ModelNames();
        var labels = new ModelLabels(capacity: 10, names);
        names.AddAsked("https://hf.co/A/b-GGUF:q4_k_m");
        names.AddAsked("HF.CO/a/B-gguf:Q4_K_M");
        var asked = labels.Of("hf.co/a/b-gguf:q4_k_m", exists: true);
        names.AddListed("hf.co/a/B-GGUF:Q4_K_M");

        Assert.Equal("hf.co/A/b-GGUF:q4_k_m", asked);
        Assert.Equal("hf.co/a/B-GGUF:Q4_K_M", labels.Of("hf.co/a/b-gguf:q4_k_m", exists: true));
        Assert.Equal("hf.co/a/B-GGUF:Q4_K_M", labels.OfLoaded("hf.co/a/b-gguf:q4_k_m"));
    }

    [Fact]
    public void The_name_of_a_missing_model_takes_no_label()
    {
        var labels = new ModelLabels(capacity: 1, new ModelNames());

        Assert.Equal("other", labels.Of("nonsense:latest", exists: false));
        Assert.Equal("phi4:latest", labels.Of("phi4:latest", exists: true));
    }

    [Fact]
    public void A_request_without_a_model_is_unknown()
    {
        Assert.Equal("unknown", new ModelLabels(capacity: 1, new ModelNames()).Of(null, exists: true));
    }

    [Fact]
    public void The_limit_holds_when_many_threads_add_names()
    {
        var labels = new ModelLabels(capacity: 10, new ModelNames());

        var distinct = Enumerable.Range(0, 10_000).AsParallel().Select(number => labels.Of($"model-{number % 500}", exists: true)).Distinct().Count();

        Assert.InRange(distinct, 1, 11);
    }
}
