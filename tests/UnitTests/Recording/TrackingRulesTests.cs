using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Recording;

public sealed class TrackingRulesTests
{
    [Theory]
    [InlineData("GET", "/api/tags")]
    [InlineData("HEAD", "/api/tags")]
    [InlineData("GET", "/api/ps")]
    [InlineData("GET", "/api/version")]
    [InlineData("GET", "/api/status")]
    [InlineData("GET", "/")]
    [InlineData("HEAD", "/")]
    [InlineData("POST", "/api/show")]
    [InlineData("GET", "/v1/models")]
    [InlineData("GET", "/v1/models/phi4")]
    public void Requests_that_only_read_are_no_work(string method, string path) => Assert.Equal((true, false, false), Stored(method, path));

    [Theory]
    [InlineData("POST", "/api/pull")]
    [InlineData("DELETE", "/api/delete")]
    [InlineData("POST", "/api/tags")]
    [InlineData("GET", "/api/chat")]
    [InlineData("GET", "/favicon.ico")]
    [InlineData("POST", "/v1/messages/count_tokens")]
    public void Work_includes_more_than_inferences(string method, string path) => Assert.Equal((true, true, false), Stored(method, path));

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/api/generate")]
    [InlineData("/api/embed")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    public void An_inference_is_always_stored(string path) => Assert.Equal((true, true, true), Stored("POST", path));

    [Fact]
    public void A_load_is_work_and_no_inference() => Assert.Equal((true, true, false), Stored("POST", "/api/generate", isInference: false));

    [Theory]
    [InlineData("/api/embed", false)]
    [InlineData("/api/embeddings", false)]
    [InlineData("/v1/embeddings", false)]
    [InlineData("/api/generate", true)]
    public void Embeddings_can_be_excluded(string path, bool stored) =>
        Assert.All(Enum.GetValues<TrackMode>(),
            mode => Assert.Equal(stored, new TrackingRules(new RecordingOptions { Track = mode, TrackEmbeddings = false }).Stores(Record("POST", path))));

    private static (bool All, bool Work, bool Inference) Stored(string method, string path, bool isInference = true)
    {
        var record = Record(method, path, isInference);
        return (In(TrackMode.All), In(TrackMode.Work), In(TrackMode.Inference));

        bool In(TrackMode mode) => new TrackingRules(new RecordingOptions { Track = mode }).Stores(record);
    }

    private static RequestRecord Record(string method, string path, bool isInference = true)
    {
        var endpoint = ApiEndpoint.FromPath(path);
        return new RequestRecord
        {
            RequestId = "0199a1b2c3d4e5f60718293a4b5c6d7e",
            Timestamp = DateTimeOffset.UnixEpoch,
            Endpoint = endpoint,
            Method = method,
            Category = PromptCategory.Other,
            Latency = TimeSpan.Zero,
            Outcome = ExchangeOutcome.Completed,
            IsInference = endpoint.RunsModel(method) && isInference,
        };
    }
}
