using System.Text;
using System.Text.Json;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using DotNet.Testcontainers.Images;
using OllamaProxy.TestKit;

namespace OllamaProxy.ContainerTests;

/// <summary>The stage "with-ollama" of the Dockerfile, over an image that has an Ollama where Ollama's own has it.</summary>
public sealed class OllamaImageTests(ProxyImage proxyImage)
{
    private const int Port = 11434;

    [Fact]
    public async Task In_place_of_Ollamas_own_image_it_starts_Ollama_and_records_beside_the_models()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var image = await proxyImage.GetWithOllamaAsync(cancellation);
        await using var container = Build(image).Build();
        await container.StartAsync(cancellation);

        await AssertRecordsAsync(container, cancellation);
        var settings = await container.ExecAsync([ProxyContainer.Executable, "config"], cancellation);
        var inspected = await ProxyImage.InspectAsync(image, cancellation);
        await container.StopAsync(cancellation);

        Assert.Contains("/root/.ollama/analytics", settings.Stdout, StringComparison.Ordinal);
        Assert.Equal((0L, ""), (await container.GetExitCodeAsync(cancellation), inspected.Config!.User));
        Assert.Equal([ProxyContainer.Executable, "serve"], (inspected.Config.Entrypoint ?? []).Concat(inspected.Config.Cmd ?? []));
    }

    [Fact]
    public async Task As_nobody_and_read_only_like_the_pods_of_the_sidecar_it_works_too()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var settings = (await File.ReadAllLinesAsync(Repository.PathOf("deploy", "kubernetes", "sidecar", "settings.env"), cancellation))
            .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        await using var container = Build(await proxyImage.GetWithOllamaAsync(cancellation))
            .WithEnvironment(settings)
            // What the pod may not wait for.
            .WithEnvironment("SHUTDOWN_DELAY_SECONDS", "0")
            .WithCreateParameterModifier(parameters =>
            {
                parameters.User = "1654:1654";
                parameters.HostConfig!.ReadonlyRootfs = true;
                parameters.HostConfig.CapDrop = ["ALL"];
                parameters.HostConfig.SecurityOpt = ["no-new-privileges"];
                parameters.HostConfig.Tmpfs = new Dictionary<string, string> { ["/tmp"] = "", ["/models"] = "uid=1654,gid=1654" };
            })
            .Build();
        await container.StartAsync(cancellation);

        await AssertRecordsAsync(container, cancellation);
        await container.StopAsync(cancellation);

        Assert.Equal(0, await container.GetExitCodeAsync(cancellation));
    }

    private static ContainerBuilder Build(IImage image) => new ContainerBuilder(image)
        .WithPortBinding(Port, assignRandomHostPort: true)
        .WithWaitStrategy(Wait.ForUnixContainer().UntilHttpRequestIsSucceeded(request => request.ForPort(Port).ForPath("/healthz")));

    /// <summary>An inference goes through, with the answer of the Ollama inside, and is recorded.</summary>
    private static async Task AssertRecordsAsync(IContainer container, CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = new UriBuilder("http", container.Hostname, container.GetMappedPublicPort(Port)).Uri };
        using var body = new StringContent("""{"model":"tiny","prompt":"Where are you?","stream":false}""", Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/api/generate", body, cancellation);
        var record = JsonElement.Parse(await Eventually.GetAsync(async () =>
        {
            var export = await container.ExecAsync([ProxyContainer.Executable, "export", "--format", "jsonl", "--prompt-search", "Where"], cancellation);
            return export.Stdout.Trim() is { Length: > 0 } line ? line : null;
        }));

        Assert.Contains("\"response\":\"inside\"", await answer.Content.ReadAsStringAsync(cancellation), StringComparison.Ordinal);
        Assert.Equal(("completed", 2), (record.GetProperty("outcome").GetString(), record.GetProperty("output_tokens").GetInt32()));
    }
}
