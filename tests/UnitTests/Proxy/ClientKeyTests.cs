using System.Net;
using Microsoft.AspNetCore.Http;
using OllamaProxy.Host.Admission;
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

    [Theory]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("fd00::1", "fd00::2", true)]
    [InlineData("fe80::1", "fe80::2", false)]
    [InlineData("::1", "::2", false)]
    [InlineData("::1", "127.0.0.1", false)]
    [InlineData("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", false)]
    [InlineData("64:ff9b::192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    public void An_IPv6_client_is_identified_by_its_network_and_not_by_its_address(string one, string other, bool isOne) =>
        Assert.Equal(isOne, Key(one, "curl/8.5", "Bearer x") == Key(other, "curl/8.5", "Bearer x"));

    [Fact]
    public void The_key_contains_no_credential() =>
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
