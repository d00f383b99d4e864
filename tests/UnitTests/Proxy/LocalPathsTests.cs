using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class LocalPathsTests
{
    [Theory]
    [InlineData("/metrics")]
    [InlineData("/metrics?x=1")]
    [InlineData("/analytics")]
    [InlineData("/analytics/")]
    [InlineData("/analytics/search?limit=1")]
    [InlineData("/test")]
    [InlineData("/healthz")]
    public void Local_paths_are_recognized(string target) => Assert.True(LocalPaths.Contains(target));

    [Theory]
    [InlineData("/")]
    [InlineData("/analyticsx")]
    [InlineData("/Analytics")]
    [InlineData("/metrics/")]
    [InlineData("/testing")]
    [InlineData("/api/tags")]
    [InlineData("//analytics")]
    [InlineData("/api/../analytics")]
    [InlineData("/%61nalytics")]
    [InlineData("http://localhost/analytics")]
    [InlineData("*")]
    [InlineData("")]
    public void Other_paths_belong_to_ollama(string target) => Assert.False(LocalPaths.Contains(target));
}
