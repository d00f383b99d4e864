using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class OriginFormTests
{
    [Theory]
    [InlineData("/api/tags?a=http://b/c", "/api/tags?a=http://b/c")]
    [InlineData("http://host/api/tags?a=b", "/api/tags?a=b")]
    [InlineData("http://host", "/")]
    [InlineData("http://host?x=/api/delete", "/?x=/api/delete")]
    [InlineData("http://host#/api/delete", "/#/api/delete")]
    [InlineData("http://host:80?/api/delete", "/?/api/delete")]
    [InlineData("http://host\\/api/delete", "/\\/api/delete")]
    [InlineData("http:///api/delete", "/api/delete")]
    [InlineData("http://host//api/delete", "//api/delete")]
    public void The_path_begins_at_the_slash_that_ends_the_authority(string target, string expected) =>
        Assert.Equal(expected, RequestHeadWriter.OriginForm(target));
}
