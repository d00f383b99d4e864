using OllamaProxy.Host.Configuration;

namespace OllamaProxy.UnitTests.Access;

public sealed class AccessSettingsTests
{
    [Theory]
    [InlineData("too-short")]
    [InlineData("sixteen letters with spaces")]
    [InlineData("sechzehn-zeichen-schön")]
    public void An_invalid_token_is_reported_but_never_shown(string token)
    {
        var (_, problems) = EnvironmentVariables.Read(name => name == "ANALYTICS_TOKEN" ? token : null);

        Assert.Equal(["ANALYTICS_TOKEN: must be 16 to 512 visible ASCII characters."], problems);
    }

    [Theory]
    [InlineData("proxy.example", true)]
    [InlineData("proxy.example, my-machine", true)]
    [InlineData("http://proxy.example", false)]
    [InlineData("proxy.example:8080", false)]
    [InlineData("*.example", false)]
    public void Allowed_hosts_are_names_as_in_a_host_header(string hosts, bool isRight)
    {
        var (settings, problems) = EnvironmentVariables.Read(name => name == "PROXY_ALLOWED_HOSTS" ? hosts : null);

        Assert.Equal(isRight, problems.Count == 0);
        Assert.Equal(isRight, settings.Access.AllowedHosts.Count > 0);
    }

    [Theory]
    [InlineData("OLLAMA_BACKEND_URL", "http://me:hunter2@gpu.lan:11434")]
    [InlineData("OLLAMA_BACKEND_URL", "http://hunter2@gpu.lan")]
    [InlineData("OLLAMA_BACKEND_URL", "me:hunter2@gpu.lan:11434")]
    [InlineData("OLLAMA_BACKEND_URL", "http://me:pa/ss@hunter2@gpu.lan")]
    [InlineData("OLLAMA_BACKEND_URL", "ftp://me:hunter2@gpu.lan")]
    [InlineData("OLLAMA_BACKEND_URL", "http://gpu.lan/?key=hunter2")]
    [InlineData("OLLAMA_BACKEND_URL", "http://gpu.lan/#hunter2")]
    [InlineData("OLLAMA_HOST", "http://me:hunter2@gpu.lan:11434")]
    [InlineData("OLLAMA_HOST", "me:hunter2@gpu.lan")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "me:hunter2@collector:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://collector:4317?key=hunter2")]
    [InlineData("PROXY_HOST", "http://me:hunter2@gpu.lan")]
    [InlineData("METRICS_TOKEN", "hunter2")]
    public void A_password_in_a_wrong_setting_is_never_shown(string name, string value)
    {
        var (settings, problems) = EnvironmentVariables.Read(asked => asked == name ? value : null);

        Assert.NotEmpty(problems);
        Assert.All(problems.Concat(settings.Notices), text => Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal));
        Assert.Contains(name, problems[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ANALYTICS_TOKEN", "a-secret-of-16-or-more", true)]
    [InlineData("METRICS_TOKEN", "a-secret-of-16-or-more", true)]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "api-key=x", true)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=x", true)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:x@collector:4317", true)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317", false)]
    [InlineData("OLLAMA_HOST", "127.0.0.1:11435", false)]
    [InlineData("ANALYTICS_DIR", "/home/me@work/records", false)]
    public void Variables_with_secrets_are_not_passed_to_Ollama(string name, string value, bool isSecret)
    {
        var (settings, _) = EnvironmentVariables.Read(asked => asked == name ? value : null);

        Assert.Equal(isSecret ? [name] : [], settings.Ollama.WithheldVariables);
    }

    [Theory]
    [InlineData("127.0.0.0/8", "", "false", true)]
    [InlineData("localhost", "", "false", true)]
    [InlineData("localhost", "a-secret-of-16-or-more", "true", true)]
    [InlineData("localhost", "a-secret-of-16-or-more", "false", false)]
    [InlineData("10.0.0.1", "", "false", false)]
    public void A_trusted_local_proxy_without_a_token_gives_a_notice(string trusted, string token, string trustsLocal, bool hasNotice)
    {
        var (settings, _) = EnvironmentVariables.Read(name => name switch
        {
            "TRUSTED_PROXIES" => trusted,
            "ANALYTICS_TOKEN" => token,
            "ANALYTICS_TRUST_LOCAL" => trustsLocal,
            _ => null,
        });

        Assert.Equal(hasNotice, settings.Notices.Any(notice => notice.StartsWith("TRUSTED_PROXIES", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("http://gpu.lan", true)]
    [InlineData("https://gpu.lan/ollama", true)]
    [InlineData("http://gpu.lan/team/a/", true)]
    [InlineData("http://gpu.lan/v1", false)]
    [InlineData("http://gpu.lan/ollama/V1/", false)]
    [InlineData("http://gpu.lan/api", false)]
    [InlineData("http://gpu.lan/?a=b", false)]
    [InlineData("http://gpu.lan/#a", false)]
    public void The_backend_url_may_have_a_path_but_no_query_or_login(string url, bool isRight)
    {
        var (_, problems) = EnvironmentVariables.Read(name => name == "OLLAMA_BACKEND_URL" ? url : null);

        Assert.Equal(isRight, problems.Count == 0);
    }
}
