using System.Net;
using Microsoft.AspNetCore.Http;
using OllamaProxy.Host.Access;

namespace OllamaProxy.UnitTests.Access;

public sealed class LocalClientTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.9.9.9")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    public void A_plain_request_from_loopback_is_local(string address) => Assert.True(LocalClient.Is(Request(address)));

    [Theory]
    [InlineData("User-Agent")]
    [InlineData("Accept")]
    [InlineData("Accept-Encoding")]
    [InlineData("Authorization")]
    [InlineData("Cookie")]
    [InlineData("Connection")]
    [InlineData("Cache-Control")]
    [InlineData("Origin")]
    [InlineData("Referer")]
    [InlineData("Sec-Fetch-Site")]
    [InlineData("Sec-CH-UA-Platform")]
    [InlineData("Upgrade-Insecure-Requests")]
    [InlineData("DNT")]
    [InlineData("Priority")]
    [InlineData("X-Request-Id")]
    [InlineData("traceparent")]
    [InlineData("Last-Event-ID")]
    [InlineData("X-Requested-With")]
    [InlineData("X-Grafana-Org-Id")]
    [InlineData("X-Prometheus-Scrape-Timeout-Seconds")]
    [InlineData("X-Stainless-Lang")]
    public void Headers_that_browsers_and_tools_send_are_no_sign_of_a_proxy(string header) => Assert.True(LocalClient.Is(Request("127.0.0.1", header: header)));

    [Theory]
    [InlineData("Forwarded")]
    [InlineData("X-Forwarded-For")]
    [InlineData("x-forwarded-proto")]
    [InlineData("X-Forwarded")]
    [InlineData("Forwarded-For")]
    [InlineData("X_Forwarded_For")]
    [InlineData("X-Forward-For")]
    [InlineData("Via")]
    [InlineData("X-Real-IP")]
    [InlineData("X-Client-IP")]
    [InlineData("Client-IP")]
    [InlineData("True-Client-IP")]
    [InlineData("CF-Connecting-IP")]
    [InlineData("CF-Ray")]
    [InlineData("Cdn-Loop")]
    [InlineData("Fly-Client-IP")]
    [InlineData("Fastly-Client-IP")]
    [InlineData("X-Cluster-Client-IP")]
    [InlineData("X-Envoy-External-Address")]
    [InlineData("X-Original-Forwarded-For")]
    [InlineData("X-Original-URL")]
    [InlineData("X-Original-Host")]
    [InlineData("X-Host")]
    [InlineData("X-Scheme")]
    [InlineData("X-Remote-Addr")]
    [InlineData("X-Azure-ClientIP")]
    [InlineData("X-Appengine-User-IP")]
    [InlineData("X-Amzn-Trace-Id")]
    [InlineData("X-Varnish")]
    [InlineData("X-ProxyUser-Ip")]
    [InlineData("Proxy-Client-IP")]
    [InlineData("WL-Proxy-Client-IP")]
    [InlineData("Front-End-Https")]
    [InlineData("X-Real-Port")]
    [InlineData("X-Client-Cert")]
    [InlineData("X-SSL-Client-Verify")]
    [InlineData("Remote-User")]
    [InlineData("X-Remote-User")]
    [InlineData("X-Auth-Request-Email")]
    [InlineData("X-Goog-Authenticated-User-Email")]
    [InlineData("X-MS-Client-Principal")]
    [InlineData("X-Traefik-Router")]
    [InlineData("X-Kong-Request-Id")]
    [InlineData("X-Nf-Client-Connection-IP")]
    [InlineData("X-Coming-From")]
    [InlineData("X-Visitor-IP")]
    [InlineData("Ngrok-Agent-IP")]
    public void A_header_that_a_proxy_adds_makes_a_request_remote(string header)
    {
        var request = Request("127.0.0.1", header: header);

        Assert.False(LocalClient.Is(request));
        Assert.Contains(header, LocalClient.WhyNot(request), StringComparison.Ordinal);
    }

    [Fact]
    public void An_http_1_0_request_is_remote_because_nginx_sends_it()
    {
        var request = Request("127.0.0.1", protocol: "HTTP/1.0");

        Assert.False(LocalClient.Is(request));
        Assert.Contains("HTTP/1.0", LocalClient.WhyNot(request), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.168.1.9", "localhost")]
    [InlineData("127.0.0.1", "evil.example")]
    public void Another_address_or_another_host_name_is_remote(string address, string host) => Assert.False(LocalClient.Is(Request(address, host)));

    private static DefaultHttpContext Request(string address, string host = "localhost:11434", string? header = null, string protocol = "HTTP/1.1")
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(address);
        context.Request.Protocol = protocol;
        context.Request.Headers.Host = host;
        if (header is not null)
        {
            context.Request.Headers[header] = "1";
        }

        return context;
    }
}
