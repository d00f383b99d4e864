using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class ApiEndpointTests
{
    [Theory]
    [InlineData("/api/chat", "chat")]
    [InlineData("/api/chat?x=1", "chat")]
    [InlineData("/v1/chat/completions", "v1/chat/completions")]
    [InlineData("/v1/messages?beta=true", "v1/messages")]
    [InlineData("/api/blobs/sha256:abc", "blobs")]
    [InlineData("/v1/models/phi4", "v1/models")]
    [InlineData("/", "root")]
    [InlineData("/api/ch%61t", "chat")]
    [InlineData("/%61pi%2Fchat?x=%20", "chat")]
    [InlineData("/api/%zz", "other")]
    [InlineData("/api/chat%3Fx", "other")]
    [InlineData("/API/CHAT", "other")]
    [InlineData("/api/chat/", "other")]
    [InlineData("/api/blobsx", "other")]
    [InlineData("*", "other")]
    [InlineData("", "other")]
    public void A_target_has_a_label_of_a_closed_set(string target, string label)
    {
        Assert.Equal(label, ApiEndpoint.FromPath(target).Label);
    }

    [Fact]
    public void Labels_are_unique_and_map_back_to_their_endpoints()
    {
        Assert.All(ApiEndpoint.All, endpoint => Assert.Same(endpoint, ApiEndpoint.FromLabel(endpoint.Label)));
    }
}
