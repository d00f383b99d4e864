using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A real nginx in front, with its defaults and with the configuration of docs/configuration.md: its clients do not count as local.</summary>
public sealed class NginxTests
{
    private const string Token = "a-secret-of-16-or-more";
    private const string Documented = "proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1h; "
        + "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;";

    private static readonly (string Method, string Path)[] s_requests =
        [("GET", "/analytics/search"), ("GET", "/analytics"), ("GET", "/analytics/export"), ("GET", "/test"), ("DELETE", "/analytics/messages?all=true")];

    /// <summary>Configurations whose requests show that nginx forwarded them, and last the one whose requests do not.</summary>
    private static readonly string[] s_ways =
    [
        "", "proxy_set_header X-Real-IP $remote_addr;", "proxy_set_header Host $host;", "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_http_version 1.1; proxy_set_header Host localhost; proxy_set_header X-Real-IP $remote_addr;", Documented,
        "proxy_http_version 1.1; proxy_set_header Connection '';",
    ];

    [Fact]
    public async Task Behind_nginx_nothing_can_be_read_without_the_token()
    {
        Assert.SkipWhen(Nginx.Missing is not null, Nginx.Missing ?? "");
        await using var closed = await StartAsync("");
        await using var open = await StartAsync(Token);
        await using var trusting = await StartAsync(Token, ("ANALYTICS_TRUST_LOCAL", "true"));
        await using var nginx = await Nginx.StartAsync(
            [.. new[] { closed, open, trusting }.SelectMany(proxy => s_ways.Select(way => $"proxy_pass {proxy.Address.ToString().TrimEnd('/')}; {way}"))]);

        for (var way = 0; way < s_ways.Length; way++)
        {
            var (toClosed, toOpen, toTrusting) = (nginx.Ports[way], nginx.Ports[s_ways.Length + way], nginx.Ports[(2 * s_ways.Length) + way]);
            foreach (var (method, path) in s_requests)
            {
                Assert.Equal((s_ways[way], path, 401), (s_ways[way], path, (await nginx.SendAsync(toOpen, method, path)).Status));
                // Requests of an nginx that adds nothing look like local ones; the token protects against that.
                if (way < s_ways.Length - 1)
                {
                    Assert.Equal((s_ways[way], path, 403), (s_ways[way], path, (await nginx.SendAsync(toClosed, method, path)).Status));
                    Assert.Equal((s_ways[way], path, 401), (s_ways[way], path, (await nginx.SendAsync(toTrusting, method, path)).Status));
                }
            }

            Assert.Equal(200, (await nginx.SendAsync(toOpen, "GET", "/analytics/search", $"Authorization: Bearer {Token}")).Status);
        }
    }

    [Fact]
    public async Task With_the_documented_configuration_nginx_reports_the_client_address()
    {
        Assert.SkipWhen(Nginx.Missing is not null, Nginx.Missing ?? "");
        await using var proxy = await StartAsync(Token, ("TRUSTED_PROXIES", "127.0.0.1"));
        await using var nginx = await Nginx.StartAsync($"proxy_pass {proxy.Address.ToString().TrimEnd('/')}; {Documented}");

        await nginx.SendAsync(nginx.Ports[0], "GET", "/api/tags", "X-Forwarded-For: 203.0.113.7");

        await Eventually.TrueAsync(async () => (await RecordsAsync()).Contains($"\"client_ip\":\"{nginx.Client}\"", StringComparison.Ordinal));
        var document = await File.ReadAllTextAsync(Repository.PathOf("docs", "configuration.md"));
        Assert.Contains(Documented.Replace("; ", ";\n    ", StringComparison.Ordinal), document, StringComparison.Ordinal);

        async Task<string> RecordsAsync() =>
            Encoding.UTF8.GetString((await nginx.SendAsync(nginx.Ports[0], "GET", "/analytics/search", $"Authorization: Bearer {Token}")).Body);
    }

    private static Task<ProxyUnderTest> StartAsync(string token, params (string Name, string Value)[] more) => ProxyUnderTest.StartAsync(
        StoredRequests.Nobody,
        new Dictionary<string, string>(more.Select(setting => KeyValuePair.Create(setting.Name, setting.Value)))
        {
            ["ANALYTICS_TOKEN"] = token, ["ANALYTICS_BACKEND"] = "jsonl",
        });
}
