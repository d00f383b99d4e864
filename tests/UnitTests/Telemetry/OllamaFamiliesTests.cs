using OllamaProxy.Host.Telemetry;

namespace OllamaProxy.UnitTests.Telemetry;

public sealed class OllamaFamiliesTests
{
    private const string Ours =
        "# TYPE ollama_requests_total counter\n# HELP ollama_requests_total Requests.\nollama_requests_total{model=\"a\"} 1\n"
        + "# TYPE ollama_up gauge\nollama_up{} 1\n";

    [Fact]
    public void Families_that_only_ollama_has_are_appended_unchanged()
    {
        const string theirs =
            "# HELP ollama_runner_slots Slots of the runner.\n# TYPE ollama_runner_slots gauge\nollama_runner_slots{id=\"x y\"} 4\n"
            + "ollama_wait_seconds_bucket{le=\"+Inf\"} 2 1795559348000\n# a remark\n";

        Assert.Equal(theirs, OllamaFamilies.Rest(Ours, theirs));
    }

    [Fact]
    public void A_family_the_proxy_defines_is_left_out_with_its_comments()
    {
        const string theirs = "# HELP ollama_requests Theirs.\n# TYPE ollama_requests counter\nollama_requests_total 5\nollama_up 0\nother_metric 1\n";

        Assert.Equal("other_metric 1\n", OllamaFamilies.Rest(Ours, theirs));
    }

    [Theory]
    [InlineData("<html>404</html>")]
    [InlineData("{\"models\":[]}")]
    [InlineData("good_metric 1\nbad_metric one")]
    [InlineData("")]
    [InlineData(null)]
    public void A_body_that_is_not_a_metrics_page_is_left_out_entirely(string? theirs) => Assert.Equal("", OllamaFamilies.Rest(Ours, theirs));
}
