using System.Net;
using Microsoft.AspNetCore.Http;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class ClientKeyTests
{
    [Theory]
    [InlineData("OpenAI/Python 1.109.1", "OpenAI")]
    [InlineData("ollama-python/0.6.0 (x86_64 linux) Python/3.12", "ollama-python")]
    [InlineData("curl", "curl")]
    [InlineData("", "")]
    public void The_application_is_the_product_without_its_version(string userAgent, string application) =>
        Assert.Equal(application, ClientKey.ApplicationOf(userAgent));

    [Fact]
    public void One_application_of_one_user_at_one_address_is_one_client() =>
        Assert.Equal(Key("192.168.1.9", "curl/8.5", "Bearer x"), Key("::ffff:192.168.1.9", "curl/8.6", "Bearer x"));

    [Theory]
    [InlineData("192.168.1.10", "curl/8.5", "Bearer x", null)]
    [InlineData("192.168.1.9", "ollama/0.32", "Bearer x", null)]
    [InlineData("192.168.1.9", "curl/8.5", "Bearer y", null)]
    [InlineData("192.168.1.9", "curl/8.5", null, null)]
    [InlineData("192.168.1.9", "curl/8.5", null, "Bearer x")]
    public void Another_address_application_or_credential_is_another_client(string address, string userAgent, string? authorization, string? apiKey) =>
        Assert.NotEqual(Key("192.168.1.9", "curl/8.5", "Bearer x"), Key(address, userAgent, authorization, apiKey));

    [Fact]
    public void No_credential_is_in_the_key() =>
        Assert.DoesNotContain("secret", Key("::1", "curl/8.5", "Bearer secret", "secret").ToString(), StringComparison.Ordinal);

    private static ClientKey Key(string address, string userAgent, string? authorization, string? apiKey = null)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(address);
        context.Request.Headers.UserAgent = userAgent;
        context.Request.Headers.Authorization = authorization;
        context.Request.Headers["x-api-key"] = apiKey;
        return ClientKey.Of(context);
    }
}
