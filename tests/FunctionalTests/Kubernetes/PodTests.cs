using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Kubernetes;

/// <summary>The real program with the settings of a pod, asked what a kubelet and Prometheus ask.</summary>
public sealed class PodTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);

    [Theory]
    [InlineData("base")]
    [InlineData("sidecar")]
    public async Task Probes_and_scrapes_are_answered_and_a_stop_makes_the_pod_unready_before_it_closes_the_port(string folder)
    {
        var rendered = await Kustomization.RenderAsync(folder);
        var container = rendered.Proxy.Container();
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        var proxy = await StartAsync(ollama, rendered.Environment());
        var addresses = Addresses(proxy, container);

        Task? stop = null;
        try
        {
            foreach (var probe in (string[])["startupProbe", "readinessProbe", "livenessProbe"])
            {
                Assert.Equal(HttpStatusCode.OK, await StatusAsync(probe));
            }

            var ports = rendered.One("Service", "ollama-proxy").At("spec", "ports").EnumerateArray();
            var scraped = ports.Single(port => port.At("name").ValueEquals("metrics")).At("targetPort").GetString()!;
            Assert.Matches(@"(?m)^ollama_inferences_queued(\{\})? 0$", await GetAsync(scraped, "/metrics"));

            stop = proxy.DisposeAsync().AsTask();
            await Eventually.TrueAsync(async () => await StatusAsync("readinessProbe") == HttpStatusCode.ServiceUnavailable);
            Assert.Equal("Ollama is running", await GetAsync("http", "/"));
        }
        finally
        {
            stop ??= proxy.DisposeAsync().AsTask();
            await Eventually.TrueAsync(() =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return stop.IsCompleted;
            });
            await stop;
        }

        await Assert.ThrowsAsync<HttpRequestException>(() => StatusAsync("readinessProbe"));

        async Task<string> GetAsync(string port, string path)
        {
            using var client = new HttpClient { BaseAddress = addresses[port] };
            return await client.GetStringAsync(path);
        }

        // On a connection of its own, as a kubelet asks.
        async Task<HttpStatusCode> StatusAsync(string probe)
        {
            using var client = new HttpClient { BaseAddress = addresses[container.At(probe, "httpGet", "port").GetString()!] };
            using var answer = await client.GetAsync(container.At(probe, "httpGet", "path").GetString());
            return answer.StatusCode;
        }
    }

    /// <summary>The settings of the pod, except where things are on this machine.</summary>
    private Task<ProxyUnderTest> StartAsync(SimulatedOllamaServer ollama, Dictionary<string, string> variables)
    {
        string[] ofTheMachine = ["OLLAMA_BACKEND_URL", "ANALYTICS_DIR", "HOME", "OLLAMA_MODELS"];
        var settings = variables.Where(variable => !ofTheMachine.Contains(variable.Key)).ToDictionary();
        if (settings.ContainsKey("METRICS_PORT"))
        {
            settings["METRICS_PORT"] = "0";
        }

        return ProxyUnderTest.StartAsync(ollama.Address, settings, builder => builder.Services.AddSingleton<TimeProvider>(_time));
    }

    /// <summary>Where each named port of the container is here: the proxy's own address comes first, then that of its metrics.</summary>
    private static Dictionary<string, Uri> Addresses(ProxyUnderTest proxy, JsonElement container) =>
        container.At("ports").EnumerateArray().Select(port => port.At("name").GetString()!)
            .Zip(proxy.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address)))
            .ToDictionary();
}
