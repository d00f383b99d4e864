using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// Access to the records: clients with the token, or local clients if no token is set. Requests are written as raw bytes, because a client library
/// would correct them.
/// </summary>
public sealed partial class ReaderAccessTests
{
    private const string Token = "a-secret-of-32-characters-or-so!";

    private static readonly string[] s_paths =
    [
        "/analytics", "/analytics/stats", "/analytics/stats/enhanced", "/analytics/search", "/analytics/messages", "/analytics/messages/1",
        "/analytics/models", "/analytics/export",
        "/analytics/ollama", "/analytics/live", "/analytics/openapi.json", "/analytics/nothing", "/test",
    ];

    /// <summary>Headers, and the status of a request without a token in the settings, with one, and with one while local clients are trusted.</summary>
    public static TheoryData<string, int, int, int> Requests =>
    [
        ("Host: localhost:1", 200, 401, 200),
        ("Host: 127.0.0.1", 200, 401, 200),
        ("Host: [::1]:5", 200, 401, 200),
        ("Host: LOCALHOST", 200, 401, 200),
        ("Host: evil.example", 403, 403, 403),
        ("Host: localhost.evil.example", 403, 403, 403),
        ("Host: 127.0.0.1.evil.example", 403, 403, 403),
        ("Host:", 403, 403, 403),
        ("Host: 10.0.0.1", 403, 401, 401),
        ("Host: proxy.example", 403, 401, 401),
        ("Host: localhost\r\nX-Forwarded-For: 127.0.0.1", 403, 401, 401),
        ("Host: localhost\r\nForwarded: for=127.0.0.1", 403, 401, 401),
        ("Host: localhost\r\nx-forwarded-anything: 1", 403, 401, 401),
        ("Host: localhost\r\nVia: 1.1 squid", 403, 401, 401),
        ("Host: localhost\r\nX-Real-IP: 10.1.2.3", 403, 401, 401),
        ("Host: localhost\r\nCF-Connecting-IP: 10.1.2.3", 403, 401, 401),
        ($"Host: localhost\r\nAuthorization: Bearer {Token}", 200, 200, 200),
        ($"Host: localhost\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer {Token}", 403, 200, 200),
        ($"Host: proxy.example\r\nAuthorization: bearer   {Token} ", 403, 200, 200),
        ($"Host: 10.0.0.1\r\nAuthorization: Bearer {Token}", 403, 200, 200),
        ($"Host: evil.example\r\nAuthorization: Bearer {Token}", 403, 403, 403),
        ($"Host: 10.0.0.1\r\nAuthorization: Bearer {Token}x", 403, 401, 401),
        ($"Host: 10.0.0.1\r\nAuthorization: Bearer", 403, 401, 401),
        ($"Host: 10.0.0.1\r\nAuthorization: Basic {Token}", 403, 401, 401),
        ($"Host: 10.0.0.1\r\nCookie: ollama_proxy_reader={Token}", 403, 401, 401),
        ("Host: 10.0.0.1\r\nCookie: ollama_proxy_reader=", 403, 401, 401),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors", 403, 403, 403),
        ("Host: localhost\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors", 403, 403, 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate", 200, 401, 200),
        ("Host: localhost\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors", 200, 401, 200),
        ("Host: localhost\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate", 200, 401, 200),
    ];

    [Fact]
    public async Task Access_depends_on_the_origin_of_a_request_and_on_its_token()
    {
        await using var closed = await StartAsync(null);
        await using var open = await StartAsync(Token);
        await using var trusting = await StartAsync(Token, trustsLocal: true);

        foreach (var (headers, withoutToken, withToken, trusted) in Requests.Select(row => row.Data))
        {
            Assert.Equal((headers, withoutToken), (headers, (await SendAsync(closed, $"GET /analytics/models HTTP/1.1\r\n{headers}\r\n\r\n")).Status));
            Assert.Equal((headers, withToken), (headers, (await SendAsync(open, $"GET /analytics/models HTTP/1.1\r\n{headers}\r\n\r\n")).Status));
            Assert.Equal((headers, trusted), (headers, (await SendAsync(trusting, $"GET /analytics/models HTTP/1.1\r\n{headers}\r\n\r\n")).Status));
        }
    }

    [Fact]
    public async Task An_http_1_0_request_is_treated_as_proxied_and_the_error_says_what_to_do()
    {
        await using var closed = await StartAsync(null);
        await using var trusting = await StartAsync(Token, trustsLocal: true);

        foreach (var path in s_paths.Append("/analytics/login"))
        {
            var refused = await SendAsync(closed, $"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
            Assert.Equal((path, 403), (path, refused.Status));
            Assert.Contains("ANALYTICS_TOKEN", Encoding.UTF8.GetString(refused.Body), StringComparison.Ordinal);
        }

        Assert.Equal(401, (await SendAsync(trusting, "GET /analytics/models HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")).Status);
    }

    [Fact]
    public async Task Every_local_path_refuses_remote_clients_with_advice_and_ollamas_paths_never_do()
    {
        await using var closed = await StartAsync(null);
        await using var open = await StartAsync(Token);

        foreach (var path in s_paths)
        {
            var refused = await SendAsync(closed, $"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n");
            var asked = await SendAsync(open, $"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n");

            Assert.Equal((path, 403, "application/problem+json"), (path, refused.Status, refused.Header("Content-Type")));
            Assert.Contains("ANALYTICS_TOKEN", Encoding.UTF8.GetString(refused.Body), StringComparison.Ordinal);
            Assert.Equal((path, 401), (path, asked.Status));
            Assert.StartsWith("Bearer", asked.Header("WWW-Authenticate"), StringComparison.Ordinal);
        }

        foreach (var path in (string[])["/api/tags", "/v1/models", "/metrics", "/healthz"])
        {
            Assert.DoesNotContain((await SendAsync(open, $"GET {path} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")).Status,
                (int[])[401, 403]);
        }
    }

    [Fact]
    public async Task The_folder_of_the_store_is_shown_only_to_local_clients()
    {
        await using var proxy = await StartAsync(Token, "sqlite");

        var local = await SendAsync(proxy, $"GET /analytics/stats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Token}\r\n\r\n");
        var remote = await SendAsync(proxy,
            $"GET /analytics/stats HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer {Token}\r\n\r\n");

        Assert.Contains(proxy.Folder, Encoding.UTF8.GetString(local.Body), StringComparison.Ordinal);
        Assert.Contains("\"data_dir\":null", Encoding.UTF8.GetString(remote.Body), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DELETE", "/analytics/messages?all=true", "Sec-Fetch-Site: cross-site", 403)]
    [InlineData("DELETE", "/analytics/messages?all=true", "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: navigate", 403)]
    [InlineData("DELETE", "/analytics/messages?all=true", "Origin: http://evil.example", 403)]
    [InlineData("DELETE", "/analytics/messages?all=true", "Origin: http://localhost:81", 403)]
    [InlineData("DELETE", "/analytics/messages?all=true", "Origin: null", 403)]
    [InlineData("POST", "/analytics/login", "Origin: http://evil.example", 403)]
    [InlineData("POST", "/analytics/logout", "Sec-Fetch-Site: cross-site", 403)]
    [InlineData("DELETE", "/analytics/messages?all=true", "Origin: http://localhost:80", 200)]
    [InlineData("DELETE", "/analytics/messages?all=true", "Sec-Fetch-Site: same-origin\r\nOrigin: https://elsewhere.example", 200)]
    [InlineData("DELETE", "/analytics/messages?all=true", "Accept: */*", 200)]
    [InlineData("OPTIONS", "/analytics/messages", "Origin: http://evil.example\r\nAccess-Control-Request-Method: DELETE", 403)]
    public async Task A_cross_site_write_is_refused(string method, string path, string headers, int status)
    {
        await using var proxy = await StartAsync(Token, "sqlite");

        var answer = await SendAsync(
            proxy, $"{method} {path} HTTP/1.1\r\nHost: localhost:80\r\nAuthorization: Bearer {Token}\r\n{headers}\r\nContent-Length: 0\r\n\r\n");

        Assert.Equal(status, answer.Status);
        Assert.DoesNotContain(answer.Headers, header => header.Name.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData("multipart/form-data; boundary=", "--b")]
    [InlineData("multipart/form-data; boundary=b", "--b")]
    [InlineData("application/x-www-form-urlencoded", null)]
    public async Task A_body_that_is_not_a_login_form_is_refused(string contentType, string? body)
    {
        await using var proxy = await StartAsync(Token);
        // More fields than the server accepts in a form.
        body ??= string.Concat(Enumerable.Repeat("a&", 1_500));

        var answer = await SendAsync(
            proxy, $"POST /analytics/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: {contentType}\r\nContent-Length: {body.Length}\r\n\r\n{body}");

        Assert.Equal(400, answer.Status);
    }

    [Fact]
    public async Task A_user_logs_in_reads_and_logs_out_which_ends_only_that_cookie()
    {
        await using var proxy = await StartAsync(Token);
        const string Stranger = "Host: proxy.example\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https";

        var sent = await SendAsync(proxy, $"GET /analytics HTTP/1.1\r\n{Stranger}\r\nAccept: text/html,*/*\r\n\r\n");
        var page = await SendAsync(proxy, $"GET /analytics/login HTTP/1.1\r\n{Stranger}\r\n\r\n");
        var wrong = await LogInAsync(proxy, Stranger, "not-the-token");
        var right = await LogInAsync(proxy, Stranger, Token);
        var plain = await LogInAsync(proxy, "Host: 10.0.0.1", Token);
        string[] cookies = [.. right.Headers.Where(header => header.Name == "Set-Cookie").Select(header => header.Value)];
        var cookie = cookies[0].Split(';')[0];
        var read = await SendAsync(proxy, $"GET /analytics/models HTTP/1.1\r\n{Stranger}\r\nCookie: {cookie}\r\n\r\n");
        var other = (cookie[^1] == '0' ? '1' : '0').ToString();
        var forged = await SendAsync(proxy, $"GET /analytics/models HTTP/1.1\r\n{Stranger}\r\nCookie: {cookie[..^1]}{other}\r\n\r\n");
        var second = (await LogInAsync(proxy, Stranger, Token)).Header("Set-Cookie")!.Split(';')[0];
        var left = await SendAsync(proxy, $"POST /analytics/logout HTTP/1.1\r\n{Stranger}\r\nCookie: {cookie}\r\nContent-Length: 0\r\n\r\n");
        var afterwards = await SendAsync(proxy, $"GET /analytics/models HTTP/1.1\r\n{Stranger}\r\nCookie: {cookie}\r\n\r\n");
        var elsewhere = await SendAsync(proxy, $"GET /analytics/models HTTP/1.1\r\n{Stranger}\r\nCookie: {second}\r\n\r\n");

        Assert.Equal((302, "analytics/login"), (sent.Status, sent.Header("Location")));
        Assert.Equal((200, "text/html; charset=utf-8"), (page.Status, page.Header("Content-Type")));
        Assert.DoesNotContain("<script", Encoding.UTF8.GetString(page.Body), StringComparison.Ordinal);
        Assert.Contains("default-src 'none'; style-src 'sha256-", page.Header("Content-Security-Policy"), StringComparison.Ordinal);
        Assert.Equal((401, 303, 303), (wrong.Status, right.Status, plain.Status));
        Assert.Null(wrong.Header("Set-Cookie"));
        Assert.Equal(["/analytics", "/test"], cookies.Select(text => text.Split("path=")[1].Split(';')[0]));
        Assert.All(cookies, text =>
        {
            Assert.DoesNotContain(Token, text, StringComparison.Ordinal);
            Assert.All(["; secure", "; samesite=strict", "; httponly"], flag => Assert.Contains(flag, text, StringComparison.OrdinalIgnoreCase));
        });
        Assert.DoesNotContain("secure", plain.Header("Set-Cookie"), StringComparison.OrdinalIgnoreCase);
        Assert.Equal((200, 401, 303), (read.Status, forged.Status, left.Status));
        Assert.Contains("max-age=0", left.Header("Set-Cookie"), StringComparison.OrdinalIgnoreCase);
        Assert.Equal((401, 200), (afterwards.Status, elsewhere.Status));
    }

    [Fact]
    public async Task Every_response_has_headers_against_caching_and_framing()
    {
        await using var proxy = await StartAsync(Token);

        foreach (var path in s_paths.Where(path => path != "/analytics/live").Append("/analytics/login"))
        {
            var answer = await SendAsync(proxy, $"GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nAuthorization: Bearer {Token}\r\n\r\n");

            Assert.Equal(
                (path, "no-store", "nosniff", "DENY", "same-origin", "same-origin"),
                (path, answer.Header("Cache-Control"), answer.Header("X-Content-Type-Options"), answer.Header("X-Frame-Options"),
                    answer.Header("Cross-Origin-Resource-Policy"), answer.Header("Referrer-Policy")));
            Assert.StartsWith("default-src 'none'", answer.Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.DoesNotContain(answer.Headers, header => header.Name.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));
        }
    }

    [Fact]
    public async Task Another_machine_can_read_only_with_the_token()
    {
        var address = NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));
        Assert.SkipWhen(address is null, "This machine has only loopback addresses.");
        await using var proxy = await StartAsync(Token, host: "0.0.0.0");
        var from = new IPEndPoint(address!, proxy.Port);

        // The host name is local, but the address is not.
        Assert.Equal(401, (await SendAsync(from, "GET /analytics/models HTTP/1.1\r\nHost: localhost\r\n\r\n")).Status);
        Assert.Equal(401, (await SendAsync(from, $"GET /analytics/models HTTP/1.1\r\nHost: {address}\r\n\r\n")).Status);
        Assert.Equal(200, (await SendAsync(from, $"GET /analytics/models HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {Token}\r\n\r\n")).Status);
        Assert.Equal(200, (await SendAsync(from, "GET /metrics HTTP/1.1\r\nHost: anything.example\r\n\r\n")).Status);
    }

    private static Task<ProxyUnderTest> StartAsync(
        string? token,
        string backend = "jsonl",
        string host = "127.0.0.1",
        TimeProvider? time = null,
        bool trustsLocal = false,
        string trusted = "") => ProxyUnderTest.StartAsync(
        StoredRequests.Nobody,
        new Dictionary<string, string>
        {
            ["ANALYTICS_TOKEN"] = token ?? "",
            ["ANALYTICS_TRUST_LOCAL"] = trustsLocal ? "true" : "false",
            ["ANALYTICS_BACKEND"] = backend,
            ["PROXY_ALLOWED_HOSTS"] = "other.example, Proxy.example",
            ["PROXY_HOST"] = host,
            ["TRUSTED_PROXIES"] = trusted,
        },
        builder =>
        {
            if (time is not null)
            {
                builder.Services.AddSingleton(time);
            }
        });

    private static Task<HttpMessage> LogInAsync(ProxyUnderTest proxy, string headers, string token)
    {
        var form = $"token={Uri.EscapeDataString(token)}";
        return SendAsync(proxy,
            $"POST /analytics/login HTTP/1.1\r\n{headers}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {form.Length}\r\n\r\n{form}");
    }

    private static Task<HttpMessage> SendAsync(ProxyUnderTest proxy, string request) => SendAsync(new IPEndPoint(IPAddress.Loopback, proxy.Port), request);

    private static async Task<HttpMessage> SendAsync(IPEndPoint to, string request) =>
        HttpMessage.Parse((await RawHttp.SendAsync(to, Encoding.Latin1.GetBytes(request), isHead: false)).Bytes);
}
