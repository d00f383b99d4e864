using OllamaProxy.Host.Telemetry;

namespace OllamaProxy.UnitTests.Telemetry;

public sealed class OllamaFamiliesTests
{
    private const string Ours =
        "# TYPE ollama_requests_total counter\n# HELP ollama_requests_total Requests.\nollama_requests_total{model=\"a\"} 1\n# TYPE ollama_up gauge\nollama_up{} 1\n";

    [Fact]
    public void What_only_ollama_has_follows_unchanged()
    {
        const string theirs =
            "# HELP ollama_runner_slots Slots of the runner.\n# TYPE ollama_runner_slots gauge\nollama_runner_slots{id=\"x y\"} 4\nollama_wait_seconds_bucket{le=\"+Inf\"} 2 1795559348000\n# a remark\n";

        Assert.Equal(theirs, OllamaFamilies.Rest(Ours, theirs));
    }

    [Fact]
    public void A_family_we_define_is_left_out_with_its_remarks()
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
    public void What_is_no_page_of_metrics_is_left_out_whole(string? theirs) => Assert.Equal("", OllamaFamilies.Rest(Ours, theirs));
}
