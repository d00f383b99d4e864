using System.Net;
using CsCheck;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class TrustedProxiesTests
{
    private const string Peer = "10.0.0.1";

    [Theory]
    [InlineData("203.0.113.9", "203.0.113.9")]
    [InlineData("203.0.113.9:4711", "203.0.113.9")]
    [InlineData("2001:db8::17", "2001:db8::17")]
    [InlineData("[2001:db8::17]", "2001:db8::17")]
    [InlineData("[2001:db8::17]:4711", "2001:db8::17")]
    [InlineData("fe80::1%7", "fe80::1")]
    [InlineData("::ffff:203.0.113.9", "203.0.113.9")]
    [InlineData("198.51.100.1, 203.0.113.9", "203.0.113.9")]
    [InlineData("198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9")]
    [InlineData("198.51.100.1,203.0.113.9 ,\t10.0.0.2:99,10.9.9.9", "203.0.113.9")]
    [InlineData("10.0.0.3, 10.0.0.2", "10.0.0.3")]
    [InlineData("unknown, 10.0.0.2", "10.0.0.2")]
    [InlineData("203.0.113.9, unknown", Peer)]
    [InlineData("203.0.113.9,", Peer)]
    [InlineData("", Peer)]
    [InlineData(",", Peer)]
    [InlineData("1", Peer)]
    [InlineData("0x7f.1", Peer)]
    [InlineData("203.0.113.9:http", Peer)]
    [InlineData("203.0.113.9:", Peer)]
    [InlineData("[203.0.113.9]", Peer)]
    [InlineData("[::1", Peer)]
    [InlineData("<script>", Peer)]
    public void The_rightmost_address_that_is_not_trusted_is_the_client(string header, string client) => Assert.Equal(client, Client(forwardedFor: header));

    [Theory]
    [InlineData("for=203.0.113.9", "203.0.113.9")]
    [InlineData("For=\"203.0.113.9:4711\";proto=https;by=10.0.0.1", "203.0.113.9")]
    [InlineData("proto=http; for=\"[2001:db8::17]:4711\"", "2001:db8::17")]
    [InlineData("for=198.51.100.1, for=203.0.113.9;host=\"a,b;for=1.2.3.4\", for=10.0.0.2", "203.0.113.9")]
    [InlineData("for=203.0.113.9, for=_hidden", Peer)]
    [InlineData("for=203.0.113.9, proto=https", Peer)]
    [InlineData("for=203.0.113.9;for=203.0.113.8", Peer)]
    [InlineData("for=\", for=203.0.113.9", Peer)]
    [InlineData("for=\"\\\", for=203.0.113.9", Peer)]
    [InlineData("for=", Peer)]
    public void The_Forwarded_header_is_read_the_same_way(string header, string client) => Assert.Equal(client, Client(forwarded: header));

    [Fact]
    public void Several_lines_are_one_header() =>
        Assert.Equal("203.0.113.9", Client(forwardedFor: new StringValues(["198.51.100.1", "203.0.113.9, 10.0.0.3", "10.0.0.2"])));

    [Theory]
    [InlineData("203.0.113.9", "for=203.0.113.9", "203.0.113.9")]
    [InlineData("203.0.113.9", "for=198.51.100.1", Peer)]
    [InlineData("198.51.100.1", "for=203.0.113.9, for=10.0.0.2", Peer)]
    [InlineData("203.0.113.9", "garbage", Peer)]
    public void Two_headers_that_disagree_are_ignored(string forwardedFor, string forwarded, string client) =>
        Assert.Equal(client, Client(forwardedFor, forwarded));

    [Theory]
    [InlineData("192.168.1.9")]
    [InlineData("11.0.0.1")]
    [InlineData("::1")]
    public void Headers_of_an_untrusted_peer_are_ignored(string peer) => Assert.Equal(peer, Client("203.0.113.9", "for=203.0.113.9", peer));

    [Fact]
    public void Without_trusted_proxies_the_peer_is_the_client() =>
        Assert.Equal("127.0.0.1", TrustedProxies.ClientOf(Context("203.0.113.9", default, "::ffff:127.0.0.1"), [])!.ToString());

    [Fact]
    public void A_trusted_proxy_is_recognized_in_every_notation_of_its_address() =>
        Assert.Equal("203.0.113.9", Client("203.0.113.9", default, "::ffff:10.0.0.1"));

    [Fact]
    public void A_chain_without_end_is_followed_only_up_to_a_limit()
    {
        var hops = Enumerable.Repeat("10.0.0.2", 10_000);

        Assert.Equal("10.0.0.2", Client(forwardedFor: "203.0.113.9, " + string.Join(", ", hops)));
        Assert.Equal("10.0.0.2", Client(forwarded: "for=203.0.113.9, " + string.Join(", ", hops.Select(hop => $"for={hop}"))));
    }

    [Fact]
    public void No_header_value_throws() =>
        Gen.OneOf(Gen.String,
            Gen.OneOf("for=", "For=\"", "\"", "\\", ",", ";", "[", "]", ":", "1.2.3.4", "10.0.0.2", "::1", "%", "80", " ", "unknown", "proto=x").Array[0, 20]
            .Select(string.Concat)).Sample(
            header =>
            {
                Client(forwardedFor: header);
                Client(forwarded: header);
            },
            iter: 5_000, threads: 1);

    [Theory]
    [InlineData("10.0.0.5", "10.0.0.5/32")]
    [InlineData("192.168.1.7/24", "192.168.1.0/24")]
    [InlineData("fd00::1/8", "fd00::/8")]
    [InlineData("[::1]", "::1/128")]
    [InlineData("::ffff:10.0.0.0/104", "10.0.0.0/8")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("localhost, 10.0.0.0/8", "127.0.0.1/32 ::1/128 10.0.0.0/8")]
    public void Networks_are_parsed_in_every_usual_notation(string text, string networks) =>
        Assert.Equal(networks, string.Join(' ', TrustedNetworks.Parse(text)!));

    [Theory]
    [InlineData("proxy.example.com")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/8, x")]
    [InlineData(",")]
    public void A_value_that_is_not_a_network_is_refused(string text) => Assert.Null(TrustedNetworks.Parse(text));

    private static string Client(StringValues forwardedFor = default, StringValues forwarded = default, string peer = Peer) =>
        TrustedProxies.ClientOf(Context(forwardedFor, forwarded, peer), TrustedNetworks.Parse("10.0.0.0/8")!)!.ToString();

    private static DefaultHttpContext Context(StringValues forwardedFor, StringValues forwarded, string peer)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
        if (forwardedFor.Count > 0)
        {
            context.Request.Headers["X-Forwarded-For"] = forwardedFor;
        }

        if (forwarded.Count > 0)
        {
            context.Request.Headers["Forwarded"] = forwarded;
        }

        return context;
    }
}
