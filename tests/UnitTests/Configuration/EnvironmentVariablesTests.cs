using System.Net;
using OllamaProxy.Application.Recording;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.UnitTests.Configuration;

public sealed class EnvironmentVariablesTests
{
    [Fact]
    public void Nothing_set_gives_the_documented_defaults()
    {
        var (settings, problems) = Read();

        Assert.Empty(problems);
        Assert.Equal(11434, settings.Proxy.Port);
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], settings.Proxy.Addresses);
        Assert.Equal((11435, false), (settings.Ollama.BackendPort, settings.Ollama.BackendPortChosen));
        Assert.Equal((50, 512, TimeSpan.Zero), (settings.Gate.MaxConcurrent, settings.Gate.MaxQueued, settings.Gate.QueueTimeout));
        Assert.Equal(("sqlite", "./ollama_analytics", 7), (settings.Analytics.Backend, settings.Analytics.Directory, settings.Analytics.RetentionDays));
        Assert.Empty(settings.Notices);
    }

    [Fact]
    public void Every_documented_default_is_the_value_the_program_uses()
    {
        var defaults = Read().Settings;
        var rows = EnvironmentVariables.All.Where(row => row.Default.Length > 0 && row.Name is not ("PROXY_HOST" or "ANALYTICS_BACKEND"));

        Assert.All(rows, row =>
        {
            var applied = Read((row.Name, row.Default)).Settings;
            Assert.Equal(defaults with { Ollama = defaults.Ollama with { BackendPortChosen = applied.Ollama.BackendPortChosen }, Notices = applied.Notices,
                Proxy = applied.Proxy }, applied);
            Assert.Equal(defaults.Proxy with { Addresses = applied.Proxy.Addresses }, applied.Proxy);
        });
    }

    [Theory]
    [InlineData("PROXY_PORT", "8080abc")]
    [InlineData("PROXY_PORT", "-1")]
    [InlineData("PROXY_PORT", "65536")]
    [InlineData("PROXY_HOST", "example.com")]
    [InlineData("OLLAMA_BACKEND_PORT", "0")]
    [InlineData("OLLAMA_BACKEND_URL", "192.168.1.20:11434")]
    [InlineData("OLLAMA_BACKEND_URL", "ftp://host/")]
    [InlineData("SHUTDOWN_GRACE_SECONDS", "1.5")]
    [InlineData("ANALYTICS_BACKEND", "mysql")]
    [InlineData("ANALYTICS_RETENTION_DAYS", "-7")]
    [InlineData("ANALYTICS_TRACK", "some")]
    [InlineData("ANALYTICS_CAPTURE", "1")]
    [InlineData("ANALYTICS_CAPTURE", "preview,full")]
    [InlineData("ANALYTICS_REDACT", "email,address")]
    [InlineData("ANALYTICS_REDACT", "none,email")]
    [InlineData("TRACK_EMBEDDINGS", "perhaps")]
    [InlineData("TRUSTED_PROXIES", "10.0.0.0/8,proxy.example.com")]
    [InlineData("METRICS_MAX_MODELS", "0")]
    [InlineData("MAX_CONCURRENT_REQUESTS", "0")]
    [InlineData("MAX_QUEUED_REQUESTS", "-1")]
    [InlineData("QUEUE_TIMEOUT_SECONDS", "30s")]
    public void An_invalid_value_is_reported_with_its_variable_and_the_valid_range(string name, string value)
    {
        var problem = Assert.Single(Read((name, value)).Problems);

        var row = EnvironmentVariables.All.Single(row => row.Name == name);
        Assert.Equal($"{name}=\"{value}\": must be {row.Range}.", problem);
    }

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        var (_, problems) = Read(("PROXY_PORT", "x"), ("ANALYTICS_BACKEND", "y"), ("ANALYTICS_RETENTION_DAYS", "z"), ("OLLAMA_HOST", "example.com"));

        Assert.Equal(["PROXY_PORT", "ANALYTICS_BACKEND", "ANALYTICS_RETENTION_DAYS", "OLLAMA_HOST"], problems.Select(problem => problem.Split('=')[0]));
    }

    [Fact]
    public void An_invalid_regular_expression_is_reported_with_the_reason()
    {
        var problems = Read(("ANALYTICS_REDACT_PATTERNS", "ok\\d+;;(unclosed\n[a-z")).Problems;

        Assert.Equal(
            [
                "ANALYTICS_REDACT_PATTERNS=\"(unclosed\": is not a regular expression: at offset 9. Not enough )'s.",
                "ANALYTICS_REDACT_PATTERNS=\"[a-z\": is not a regular expression: at offset 4. Unterminated [] set.",
            ],
            problems);
    }

    [Fact]
    public void The_redaction_settings_are_read()
    {
        var recording = Read(("ANALYTICS_REDACT", "Email, key"), ("ANALYTICS_REDACT_PATTERNS", "a,b ;; (?<=x);\r\n\nc|d"), ("ANALYTICS_CAPTURE", "Full"),
            ("ANALYTICS_TRACK", "work")).Settings.Recording;

        Assert.Equal(["email", "key"], recording.Redact);
        Assert.Equal(["a,b", "(?<=x);", "c|d"], recording.RedactPatterns);
        Assert.Equal((CaptureMode.Full, TrackMode.Work), (recording.Capture, recording.Track));
        Assert.Equal(["email", "card", "phone", "key"], Read(("ANALYTICS_REDACT", "all")).Settings.Recording.Redact);
        Assert.Empty(Read(("ANALYTICS_REDACT", "none")).Settings.Recording.Redact);
    }

    [Fact]
    public void A_huge_value_is_shortened_in_the_message() =>
        Assert.True(Assert.Single(Read(("PROXY_PORT", new string('9', 10_000))).Problems).Length < 200);

    [Fact]
    public void A_blank_value_counts_as_not_set() =>
        Assert.Equal(11434, Read(("PROXY_PORT", "  ")).Settings.Proxy.Port);

    [Fact]
    public void The_proxy_and_Ollama_need_different_ports() =>
        Assert.Contains("both 11435", Assert.Single(Read(("PROXY_PORT", "11435")).Problems), StringComparison.Ordinal);

    [Theory]
    [InlineData("http://127.0.0.1:11434")]
    [InlineData("http://localhost:11434/")]
    [InlineData("http://[::1]:11434")]
    public void A_backend_that_is_the_proxy_itself_is_refused(string url) =>
        Assert.Contains("is the proxy itself", Assert.Single(Read(("OLLAMA_BACKEND_URL", url)).Problems), StringComparison.Ordinal);

    [Theory]
    [InlineData("0.0.0.0", false)]
    [InlineData("127.0.0.1,[::1]", true)]
    [InlineData("localhost", true)]
    [InlineData("127.0.0.1, 192.168.1.5", false)]
    public void The_proxy_is_local_only_when_every_address_is_loopback(string addresses, bool loopbackOnly) =>
        Assert.Equal(loopbackOnly, Read(("PROXY_HOST", addresses)).Settings.Proxy.IsLoopbackOnly);

    [Theory]
    [InlineData("PROXY_PROT", "PROXY_PORT")]
    [InlineData("ANALYTICS_RETENTION", "ANALYTICS_RETENTION_DAYS")]
    [InlineData("ANALYTIC_DIR", null)]
    [InlineData("METRICS_MAX_MODEL", "METRICS_MAX_MODELS")]
    [InlineData("OLLAMA_BACKEND_ULR", "OLLAMA_BACKEND_URL")]
    [InlineData("MAX_CONCURRENT_REQUEST", "MAX_CONCURRENT_REQUESTS")]
    [InlineData("QUEUE_TIMEOUT", "QUEUE_TIMEOUT_SECONDS")]
    [InlineData("TRUSTED_PROXY", "TRUSTED_PROXIES")]
    [InlineData("ANALYTICS_REDACTS", "ANALYTICS_REDACT")]
    [InlineData("proxy_port", "PROXY_PORT")]
    [InlineData("PROXYPORT", "PROXY_PORT")]
    [InlineData("OLLAMA_PROXY_PORT", "PROXY_PORT")]
    [InlineData("OLLAMA_PROXY_ANALYTICS_DIR", "ANALYTICS_DIR")]
    [InlineData("OLLAMA_PROXY_OWNER", null)]
    [InlineData("PROXY_SOMETHING_ELSE_ENTIRELY", null)]
    [InlineData("OLLAMA_MODELS", null)]
    public void A_variable_that_looks_misspelled_gives_a_notice(string name, string? meant)
    {
        var (settings, problems) = EnvironmentVariables.Read(_ => null, [name, "PATH", "PROXY_HOST"]);

        Assert.Empty(problems);
        Assert.Equal(meant is null ? [] : [$"{name} is not a setting of ollama-proxy. Did you mean {meant}?"], settings.Notices);
    }

    private static (ProxySettings Settings, IReadOnlyList<string> Problems) Read(params (string Name, string Value)[] variables) =>
        EnvironmentVariables.Read(name => Array.Find(variables, variable => variable.Name == name).Value);
}
