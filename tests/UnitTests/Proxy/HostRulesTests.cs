using Microsoft.Extensions.Primitives;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>Tests the rows of the table in docs/transparency.md.</summary>
public sealed class HostRulesTests
{
    private static readonly Uri s_local = new("http://127.0.0.1:11435");
    private static readonly Uri s_remote = new("http://gpu.lan:8080");

    [Theory]
    [InlineData("localhost:11434")]
    [InlineData("evil.example")]
    public void On_loopback_the_host_passes_unchanged_so_that_ollama_refuses_what_it_would_refuse(string host)
    {
        var rules = new HostRules(ProxyIsLoopback: true, s_local);

        Assert.Equal(host, rules.Host(host));
        Assert.Equal("http://" + host, rules.Origin("http://" + host, host));
    }

    [Fact]
    public void On_a_network_address_the_host_becomes_one_that_ollama_accepts()
    {
        var rules = new HostRules(ProxyIsLoopback: false, s_local);

        Assert.Equal("127.0.0.1:11435", rules.Host("mybox.lan:11434"));
    }

    [Fact]
    public void Behind_tls_the_host_is_the_name_in_the_certificate_even_on_loopback() =>
        Assert.Equal("localhost:8443", new HostRules(ProxyIsLoopback: true, new Uri("https://localhost:8443/ollama")).Host("mybox.lan"));

    [Theory]
    [InlineData("http://localhost:11435", "127.0.0.1:11435")]
    [InlineData("http://[::1]:11435", "[::1]:11435")]
    public void A_local_host_name_becomes_an_address(string backend, string host) =>
        Assert.Equal(host, new HostRules(ProxyIsLoopback: false, new Uri(backend)).Host("mybox.lan"));

    [Theory]
    [InlineData("http://mybox.lan:11434", true)]
    [InlineData("https://mybox.lan:11434", true)]
    [InlineData("http://mybox.lan", false)]
    [InlineData("http://elsewhere.example", false)]
    [InlineData("null", false)]
    public void On_a_network_address_only_the_hosts_own_origin_is_removed(string origin, bool goes)
    {
        var rules = new HostRules(ProxyIsLoopback: false, s_local);

        Assert.Equal(goes ? StringValues.Empty : origin, rules.Origin(origin, "mybox.lan:11434"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_remote_ollama_gets_its_own_host_name(bool proxyIsLoopback)
    {
        var rules = new HostRules(proxyIsLoopback, s_remote);

        Assert.Equal("gpu.lan:8080", rules.Host("localhost:11434"));
        Assert.Equal(StringValues.Empty, rules.Origin("http://localhost:11434", "localhost:11434"));
        Assert.Equal("http://app.example", rules.Origin("http://app.example", "localhost:11434"));
    }

    [Fact]
    public void Two_origin_headers_are_never_changed()
    {
        var both = new StringValues(["http://mybox.lan", "http://mybox.lan"]);

        Assert.Equal(both, new HostRules(ProxyIsLoopback: false, s_local).Origin(both, "mybox.lan"));
    }
}
