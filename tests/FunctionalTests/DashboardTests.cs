using System.IO.Compression;
using System.Net;
using System.Text.RegularExpressions;
using OllamaProxy.Domain;
using OllamaProxy.Host.Dashboard;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>How the dashboard's page and files are served. BrowserTests test their content in a browser.</summary>
public sealed partial class DashboardTests
{
    private const string Browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

    [Theory]
    [InlineData(Browser, "text/html")]
    [InlineData("text/html", "text/html")]
    [InlineData("*/*", "application/json")]
    [InlineData("application/json", "application/json")]
    [InlineData("application/json, text/html;q=0.5", "application/json")]
    [InlineData("text/html;q=0, */*", "application/json")]
    [InlineData(null, "application/json")]
    public async Task A_browser_gets_the_page_and_any_other_client_the_list_of_paths(string? accept, string type)
    {
        await using var proxy = await StartAsync();

        using var answer = await GetAsync(proxy, "/analytics", accept);

        Assert.Equal((HttpStatusCode.OK, type), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        Assert.Equal(["Accept", "Accept-Encoding"], answer.Headers.Vary);
    }

    [Theory]
    [InlineData("/analytics", "./analytics/assets/")]
    [InlineData("/analytics/", "./assets/")]
    public async Task Every_reference_in_the_page_is_relative(string path, string beginning)
    {
        await using var proxy = await StartAsync();

        using var answer = await GetAsync(proxy, path, Browser);
        // References that begin with "#" point into the page itself.
        var references = Reference().Matches(await answer.Content.ReadAsStringAsync()).Select(match => match.Groups[1].Value).Where(
            reference => !reference.StartsWith('#')).ToList();

        Assert.Equal(3, references.Count);
        foreach (var reference in references)
        {
            Assert.StartsWith(beginning, reference, StringComparison.Ordinal);
            using var file = await proxy.Client.GetAsync(new Uri(new Uri(proxy.Address, path), reference));
            Assert.Equal(HttpStatusCode.OK, file.StatusCode);
        }
    }

    [Fact]
    public async Task The_content_security_policy_allows_only_the_pages_own_files()
    {
        await using var proxy = await StartAsync();

        using var answer = await GetAsync(proxy, "/analytics", Browser);
        var page = await answer.Content.ReadAsStringAsync();

        Assert.Equal(DashboardEndpoints.Policy, Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
        Assert.DoesNotContain("unsafe", DashboardEndpoints.Policy, StringComparison.Ordinal);
        Assert.DoesNotContain("<style", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("style=", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotMatch("<script[^>]*>[^<]", page);
        Assert.DoesNotMatch("(?:https?:)?//", page);
    }

    [Fact]
    public async Task Files_are_cached_forever_and_the_page_is_revalidated_each_time()
    {
        await using var proxy = await StartAsync();
        var script = DashboardFiles.Names.Single(name => name.EndsWith(".js", StringComparison.Ordinal));

        using var page = await GetAsync(proxy, "/analytics", Browser);
        using var again = await GetAsync(proxy, "/analytics", Browser, page.Headers.ETag!.ToString());
        using var file = await GetAsync(proxy, $"/analytics/{script}", "*/*");
        using var known = await GetAsync(proxy, $"/analytics/{script}", "*/*", $"\"other\", W/{file.Headers.ETag}");

        Assert.Equal("no-cache", page.Headers.CacheControl!.ToString());
        Assert.Equal((HttpStatusCode.NotModified, 0), (again.StatusCode, (await again.Content.ReadAsByteArrayAsync()).Length));
        Assert.Equal("max-age=31536000, private, immutable", file.Headers.CacheControl!.ToString());
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        Assert.Matches("-[A-Za-z0-9_-]{8}[.]js$", script);
    }

    [Theory]
    [InlineData("gzip, deflate, br, zstd", "br")]
    [InlineData("gzip", "gzip")]
    [InlineData("br;q=0, gzip;q=0.5", "gzip")]
    [InlineData("br;q=0.0", null)]
    [InlineData("identity", null)]
    [InlineData(null, null)]
    public async Task Every_file_has_the_smallest_accepted_encoding_and_the_same_content_in_each(string? accepted, string? encoding)
    {
        await using var proxy = await StartAsync();

        foreach (var name in DashboardFiles.Names.Where(name => name.StartsWith("assets/", StringComparison.Ordinal)))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/analytics/{name}");
            request.Headers.TryAddWithoutValidation("Accept-Encoding", accepted);
            using var answer = await proxy.Client.SendAsync(request);
            await using var body = await answer.Content.ReadAsStreamAsync();
            await using Stream plain = encoding switch { "br" => new BrotliStream(body, CompressionMode.Decompress),
                "gzip" => new GZipStream(body, CompressionMode.Decompress), _ => body };
            using var whole = new MemoryStream();
            await plain.CopyToAsync(whole);

            Assert.Equal(encoding, answer.Content.Headers.ContentEncoding.SingleOrDefault());
            Assert.True(whole.ToArray().AsSpan().SequenceEqual(DashboardFiles.Get(name, "")!.Bytes.Span), name);
        }
    }

    [Fact]
    public void The_whole_page_is_smaller_than_150_kB_compressed()
    {
        var size = DashboardFiles.Names.Where(name => name != "index.above.html").Sum(name => DashboardFiles.Get(name, "br")!.Bytes.Length);

        Assert.InRange(size, 20_000, 150_000);
        Assert.All(DashboardFiles.Names, name => Assert.True(DashboardFiles.Get(name, "gzip")!.Encoding == "gzip"));
    }

    [Fact]
    public async Task A_client_without_access_gets_the_login_and_no_file()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["ANALYTICS_TOKEN"] = "a-secret-of-16-or-more" });
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = proxy.Address };
        client.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");

        foreach (var (path, location) in ((string, string)[])[("/analytics", "analytics/login"), ("/analytics/", "../analytics/login"),
            ("/analytics/messages/7", "../../analytics/login")])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Accept", Browser);
            using var answer = await client.SendAsync(request);
            // Relative, so that it leads to the login under any prefix of a reverse proxy.
            Assert.Equal((HttpStatusCode.Found, location), (answer.StatusCode, answer.Headers.Location!.OriginalString));
        }

        using var file = await client.GetAsync($"/analytics/{DashboardFiles.Names.First(name => name.EndsWith(".js", StringComparison.Ordinal))}");
        Assert.Equal(HttpStatusCode.Unauthorized, file.StatusCode);
    }

    [Theory]
    [InlineData("/tools/ollama", "/tools/ollama/analytics")]
    [InlineData("/tools/ollama/", "/tools/ollama/analytics")]
    [InlineData("/evil;domain=x", "/analytics")]
    [InlineData("evil", "/analytics")]
    public async Task The_cookie_is_limited_to_the_prefix_of_a_reverse_proxy(string prefix, string path)
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["ANALYTICS_TOKEN"] = "a-secret-of-16-or-more" });
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = proxy.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post,
            "/analytics/login") { Content = new FormUrlEncodedContent([KeyValuePair.Create("token", "a-secret-of-16-or-more")]) };
        request.Headers.TryAddWithoutValidation("X-Forwarded-Prefix", prefix);

        using var answer = await client.SendAsync(request);

        Assert.Equal((HttpStatusCode.SeeOther, "../analytics"), (answer.StatusCode, answer.Headers.Location!.OriginalString));
        Assert.Contains($"; path={path};", answer.Headers.GetValues("Set-Cookie").First(), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("/analytics/assets/nothing.js")]
    [InlineData("/analytics/assets/..%2findex.html")]
    [InlineData("/analytics/assets/")]
    [InlineData("/analytics/index.html")]
    public async Task Every_other_path_is_404(string path)
    {
        await using var proxy = await StartAsync();

        using var answer = await GetAsync(proxy, path, Browser);

        Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
    }

    [Fact]
    public void The_filter_values_of_the_page_are_those_of_the_program()
    {
        var words = File.ReadAllText(Repository.PathOf("src", "OllamaProxy.Host", "Dashboard", "web", "src", "words.ts"));

        Assert.Equal(Enum.GetValues<PromptCategory>().Select(category => category.Label()), List("categories"));
        Assert.Equal(Enum.GetValues<ExchangeOutcome>().Select(outcome => outcome.Name()), List("outcomes"));
        Assert.Equal(Enum.GetValues<ErrorType>().Select(type => type.Name()), List("errorTypes"));
        Assert.Equal(ApiEndpoint.All.Where(endpoint => endpoint.IsInference).Select(endpoint => endpoint.Label).Order(), List("inferenceEndpoints").Order());
        Assert.All(List("otherEndpoints"), label => Assert.False(ApiEndpoint.FromLabel(label)!.IsInference));

        IEnumerable<string> List(string name) =>
            Word().Matches(Regex.Match(words, $@"export const {name} = \[(.*?)\]", RegexOptions.Singleline).Groups[1].Value)
                .Select(match => match.Groups[1].Value);
    }

    private static Task<ProxyUnderTest> StartAsync() =>
        ProxyUnderTest.StartAsync(StoredRequests.Nobody, ProxyUnderTest.NoStore);

    private static Task<HttpResponseMessage> GetAsync(ProxyUnderTest proxy, string path, string? accept, string? known = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        request.Headers.TryAddWithoutValidation("If-None-Match", known);
        return proxy.Client.SendAsync(request);
    }

    [GeneratedRegex("(?:src|href)=\"([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("'([^']+)'")]
    private static partial Regex Word();
}
