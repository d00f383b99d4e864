using DotNet.Testcontainers.Configurations;

namespace OllamaProxy.ContainerTests;

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

        // What the tests start they end themselves; the reaper would have to be fetched from a registry.
        TestcontainersSettings.ResourceReaperEnabled = false;
    }
}
