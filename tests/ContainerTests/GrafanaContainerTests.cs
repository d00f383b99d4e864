using System.Net.Http.Json;
using System.Text.Json;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using OllamaProxy.TestKit;
using OllamaProxy.Tests;

namespace OllamaProxy.ContainerTests;

/// <summary>
/// The published images of Prometheus and Grafana with the files of grafana/. Skipped if no container engine answers or the images cannot be pulled.
/// </summary>
public sealed class GrafanaContainerTests
{
    private const int GrafanaPort = 3000;
    private const int PrometheusPort = 9090;

    [Fact]
    public async Task Grafana_loads_the_dashboards_and_data_sources()
    {
        await using var grafana = await StartAsync(() => new ContainerBuilder("grafana/grafana:12.2.0")
            .WithResourceMapping(new DirectoryInfo(Repository.PathOf("grafana", "provisioning")), "/etc/grafana/provisioning")
            .WithEnvironment("GF_AUTH_ANONYMOUS_ENABLED", "true")
            .WithEnvironment("GF_AUTH_ANONYMOUS_ORG_ROLE", "Admin")
            .WithEnvironment("ANALYTICS_TOKEN", "a-secret-of-analytics")
            .WithPortBinding(GrafanaPort, assignRandomHostPort: true)
            .WithWaitStrategy(Wait.ForUnixContainer().UntilHttpRequestIsSucceeded(request => request.ForPort(GrafanaPort).ForPath("/api/health")))
            .Build());
        using var client = new HttpClient { BaseAddress = new Uri($"http://{grafana.Hostname}:{grafana.GetMappedPublicPort(GrafanaPort)}") };

        var answer = await Eventually.GetAsync(
            async () => await client.GetAsync("/api/dashboards/uid/ollama-metrics-proxy") is { IsSuccessStatusCode: true } found ? found : null);
        var dashboard = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("dashboard");
        var ours = JsonElement.Parse(await File.ReadAllTextAsync(Repository.PathOf("grafana", "provisioning", "dashboards", "grafana_ollama_dashboard.json")));
        Assert.Equal(ours.GetProperty("panels").GetArrayLength(), dashboard.GetProperty("panels").GetArrayLength());
        var sources = await client.GetFromJsonAsync<JsonElement>("/api/datasources");
        Assert.Equal(["ollama-analytics", "prometheus"],
            sources.EnumerateArray().Select(source => source.GetProperty("uid").GetString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Prometheus_loads_the_configuration_and_the_rules()
    {
        await using var prometheus = await StartAsync(() => new ContainerBuilder("prom/prometheus:v3.5.0")
            .WithResourceMapping(new DirectoryInfo(Repository.PathOf("grafana")), "/etc/prometheus")
            .WithPortBinding(PrometheusPort, assignRandomHostPort: true)
            .WithWaitStrategy(Wait.ForUnixContainer().UntilHttpRequestIsSucceeded(request => request.ForPort(PrometheusPort).ForPath("/-/ready")))
            .Build());
        using var client = new HttpClient { BaseAddress = new Uri($"http://{prometheus.Hostname}:{prometheus.GetMappedPublicPort(PrometheusPort)}") };

        var rules = await client.GetFromJsonAsync<JsonElement>("/api/v1/rules");

        Assert.InRange(rules.GetProperty("data").GetProperty("groups").EnumerateArray().Sum(group => group.GetProperty("rules").GetArrayLength()), 45, 500);
    }

    /// <summary>Starts a container; skips the test with the reason if that is not possible.</summary>
    private static async Task<IContainer> StartAsync(Func<IContainer> build)
    {
        var (container, reason) = await ContainerEngine.TryStartAsync(build);
        Assert.SkipWhen(container is null, reason);
        return container;
    }
}
