using System.Text.Json;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using DotNet.Testcontainers.Images;
using DotNet.Testcontainers.Volumes;
using OllamaProxy.TestKit;

namespace OllamaProxy.ContainerTests;

/// <summary>The proxy in a container that may do nothing it does not need: no capability, nothing to write to but its volume, little memory.</summary>
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

    /// <summary>Somebody on another machine, as everything outside is to the container.</summary>
    public HttpClient Client { get; }

    /// <summary>Starts it, and waits until the image's own health check says that it is well.</summary>
    /// <param name="ollamaPort">A port of this machine, on every address.</param>
    /// <param name="data">Where its records are kept; null for a volume that goes with it.</param>
    /// <param name="token">What others read them with.</param>
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

    /// <summary>One that is not started.</summary>
    public static IContainer Build(IImage image, int ollamaPort, IVolume? data, string? token)
    {
        var builder = new ContainerBuilder(image)
            .WithExtraHost("ollama", "host-gateway")
            .WithEnvironment("OLLAMA_BACKEND_URL", $"http://ollama:{ollamaPort}")
            .WithEnvironment("ANALYTICS_TOKEN", token ?? "")
            .WithPortBinding(Port, assignRandomHostPort: true)
            .WithCreateParameterModifier(parameters =>
            {
                // The same command, more often.
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

    /// <summary>A command inside, which to the proxy is this machine.</summary>
    public Task<ExecResult> RunAsync(string[] arguments, CancellationToken cancellationToken) =>
        Container.ExecAsync([Executable, .. arguments], cancellationToken);

    /// <summary>The one record whose prompt holds the given text, once it is there.</summary>
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
