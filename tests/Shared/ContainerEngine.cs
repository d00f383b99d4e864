using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Containers;

namespace OllamaProxy.Tests;

/// <summary>The container engine of this machine, when one answers. <c>build.sh test</c> brings one where it may (eng/container-engine.sh).</summary>
internal static class ContainerEngine
{
    /// <summary>Why no test of containers can run here; null when one can.</summary>
    public static string? WhyNot { get; } =
        !OperatingSystem.IsLinux() ? "the published file is no Linux file here, and a container needs one"
        : TestcontainersSettings.OS.DockerEndpointAuthConfig is null ? "no container engine answers: ./build.sh test brings one where it may, or install Docker"
        : null;

    /// <summary>Skips the running test where there is no engine. Everything else about containers comes after it.</summary>
    public static void Need()
    {
        if (WhyNot is { } reason)
        {
            Assert.Skip(reason);
        }

        // The tests remove their own containers; the reaper's image would have to be pulled from a registry.
        TestcontainersSettings.ResourceReaperEnabled = false;
    }

    /// <summary>Starts a container of a published image; null and the reason where no engine answers, or where it cannot pull the image.</summary>
    public static async Task<(IContainer? Container, string Reason)> TryStartAsync(Func<IContainer> build)
    {
        if (WhyNot is { } reason)
        {
            return (null, reason);
        }

        TestcontainersSettings.ResourceReaperEnabled = false;
        IContainer? container = null;
        try
        {
            container = build();
            await container.StartAsync().WaitAsync(TimeSpan.FromMinutes(5));
            return (container, "");
        }
        catch (Exception exception) when (container is null || container.State == TestcontainersStates.Undefined)
        {
            if (container is not null)
            {
                await container.DisposeAsync();
            }

            return (null, $"the image cannot be pulled here: {exception.Message.ReplaceLineEndings(" ")}");
        }
    }
}
