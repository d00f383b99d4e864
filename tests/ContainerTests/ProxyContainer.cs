using System.Text.Json;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using DotNet.Testcontainers.Images;
using DotNet.Testcontainers.Volumes;
using OllamaProxy.TestKit;

namespace OllamaProxy.ContainerTests;

/// <summary>The proxy in a container with minimal rights: no capabilities, write access only to its volume, little memory.</summary>
internal sealed class ProxyContainer : IAsyncDisposable
{
    public const string Executable = "/usr/local/bin/ollama-proxy";

    private const int Port = 11434;

    private ProxyContainer(IContainer container)
    {
        Container = container;
        Client = new HttpClient { BaseAddress = new UriBuilder("http", container.Hostname, container.GetMappedPublicPort(Port)).Uri };
    }

    public IContainer Container { get; }

    /// <summary>A client on another machine; the container sees every outside client so.</summary>
    public HttpClient Client { get; }

    /// <summary>Starts the container, and waits until the image's health check succeeds.</summary>
    /// <param name="ollamaPort">The port of Ollama on this machine, on every address.</param>
    /// <param name="data">The folder of its records; null for a volume that is removed with it.</param>
    /// <param name="token">The token for other machines.</param>
    public static async Task<ProxyContainer> StartAsync(IImage image, int ollamaPort, IVolume? data = null, string? token = null,
        CancellationToken cancellationToken = default)
    {
        var container = Build(image, ollamaPort, data, token);
        try
        {
            await container.StartAsync(cancellationToken);
            return new ProxyContainer(container);
        }
        catch
        {
            await container.DisposeAsync();
            throw;
        }
    }

    /// <summary>Creates a container without starting it.</summary>
    public static IContainer Build(IImage image, int ollamaPort, IVolume? data, string? token)
    {
        var builder = new ContainerBuilder(image)
            .WithExtraHost("ollama", "host-gateway")
            .WithEnvironment("OLLAMA_BACKEND_URL", $"http://ollama:{ollamaPort}")
            .WithEnvironment("ANALYTICS_TOKEN", token ?? "")
            .WithPortBinding(Port, assignRandomHostPort: true)
            .WithCreateParameterModifier(parameters =>
            {
                // The same command at a shorter interval.
                parameters.Healthcheck = new() { Interval = TimeSpan.FromMilliseconds(500) };
                parameters.HostConfig!.ReadonlyRootfs = true;
                parameters.HostConfig.CapDrop = ["ALL"];
                parameters.HostConfig.SecurityOpt = ["no-new-privileges"];
                parameters.HostConfig.Memory = parameters.HostConfig.MemorySwap = 96 << 20;
                parameters.HostConfig.PidsLimit = 64;
            })
            .WithWaitStrategy(Wait.ForUnixContainer().UntilContainerIsHealthy());
        return (data is null ? builder : builder.WithVolumeMount(data, "/data")).Build();
    }

    /// <summary>Runs a command inside the container, where it is a local client of the proxy.</summary>
    public Task<ExecResult> RunAsync(string[] arguments, CancellationToken cancellationToken) =>
        Container.ExecAsync([Executable, .. arguments], cancellationToken);

    /// <summary>Waits for the one record whose prompt contains the text.</summary>
    public async Task<JsonElement> RecordAsync(string prompt, CancellationToken cancellationToken) => JsonElement.Parse(await Eventually.GetAsync(async () =>
    {
        var export = await RunAsync(["export", "--format", "jsonl", "--prompt-search", prompt], cancellationToken);
        return export.Stdout.Trim() is { Length: > 0 } line ? line : null;
    }));

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Container.DisposeAsync();
    }
}
