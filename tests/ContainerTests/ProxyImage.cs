using System.Diagnostics;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Images;
using OllamaProxy.TestKit;
using OllamaProxy.Tests;

[assembly: AssemblyFixture(typeof(OllamaProxy.ContainerTests.ProxyImage))]

namespace OllamaProxy.ContainerTests;

/// <summary>
/// The images of the Dockerfile, made once for all tests: its last stage as it is written, with the published file, over this machine's C library in place of
/// Microsoft's base image, because no registry is asked. So nothing is in it but the file, the C library and the mathematical one, and in the second image
/// OpenSSL, which Microsoft's has too. The stage with Ollama is made the same way, over a stand-in for Ollama.
/// </summary>
public sealed class ProxyImage : IAsyncDisposable
{
    private static readonly string[] s_folders = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/lib"];
    private static readonly string[] s_cLibrary = ["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6"];
    private static readonly string[] s_openSsl = ["libssl.so.3", "libcrypto.so.3"];

    // The label identifies the intermediate images that the engine keeps.
    private const string Label = "ollama-proxy.test";

    private readonly SemaphoreSlim _building = new(1);
    private readonly Dictionary<string, IFutureDockerImage> _images = [];

#pragma warning disable RS0030 // The test's own setting for the file under test.
    private static string? File => Environment.GetEnvironmentVariable("OLLAMA_PROXY_UNDER_TEST");
#pragma warning restore RS0030

    /// <summary>The image; skips the running test where there can be none.</summary>
    public Task<IImage> GetAsync(bool withOpenSsl, CancellationToken cancellationToken)
    {
        Assert.SkipWhen(withOpenSsl && !Libraries(s_openSsl).Any(), "this machine has no OpenSSL 3 to put into an image");
        return GetAsync(withOpenSsl ? "OpenSSL" : "", AddNothingAsync, ["FROM base", .. Stage("FROM mcr.microsoft.com/dotnet/runtime-deps:")],
            withOpenSsl ? [.. s_cLibrary, .. s_openSsl] : s_cLibrary, cancellationToken);
    }

    /// <summary>The image with Ollama inside; skips the running test where there can be none.</summary>
    public Task<IImage> GetWithOllamaAsync(CancellationToken cancellationToken) => GetAsync("Ollama", CompileOllamaAsync,
        // As in Ollama's own image.
        ["FROM base", "ENV OLLAMA_HOST=0.0.0.0:11434", .. Stage("FROM ${OLLAMA_IMAGE} AS with-ollama")], s_cLibrary, cancellationToken);

    private async Task<IImage> GetAsync(string name, Func<string, Task> addAsync, string[] stage, string[] libraries, CancellationToken cancellationToken)
    {
        ContainerEngine.Need();
        Assert.SkipWhen(string.IsNullOrEmpty(File), "no published file to put into an image: ./build.sh test publishes one first");
        await _building.WaitAsync(cancellationToken);
        try
        {
            return _images.TryGetValue(name, out var image) ? image : _images[name] = await BuildAsync(addAsync, stage, libraries, cancellationToken);
        }
        finally
        {
            _building.Release();
        }
    }

    /// <summary>The metadata of the image in the engine.</summary>
    internal static async Task<ImageInspectResponse> InspectAsync(IImage image, CancellationToken cancellationToken)
    {
        using var client = Client();
        return await client.Images.InspectImageAsync(image.FullName, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var image in _images.Values)
        {
            await image.DeleteAsync();
            await image.DisposeAsync();
        }

        if (_images.Count > 0)
        {
            using var client = Client();
            await client.Images.PruneImagesAsync(new ImagesPruneParameters { Filters = new Dictionary<string, IDictionary<string,
                bool>> { ["label"] = new Dictionary<string, bool> { [Label] = true } } });
        }

        _building.Dispose();
    }

    private static Docker.DotNet.DockerClient Client() => TestcontainersSettings.OS.DockerEndpointAuthConfig.GetDockerClientBuilder(Guid.Empty).Build();

    private static async Task<IFutureDockerImage> BuildAsync(
        Func<string, Task> addAsync, string[] stage, string[] libraries, CancellationToken cancellationToken)
    {
        var context = Directory.CreateTempSubdirectory("ollama-proxy-image-");
        try
        {
            foreach (var library in Libraries(libraries))
            {
                var copy = Path.Combine(context.FullName, "base", library.TrimStart('/'));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                System.IO.File.Copy(library, copy);
            }

            await addAsync(Path.Combine(context.FullName, "base"));
            System.IO.File.Copy(File!, Path.Combine(context.FullName, "ollama-proxy"));
            string[] lines =
            [
                "FROM scratch AS base", "COPY base/ /", "FROM scratch AS executable", $"LABEL {Label}=", "COPY ollama-proxy /ollama-proxy", "WORKDIR /data",
                .. stage,
            ];
            await System.IO.File.WriteAllLinesAsync(Path.Combine(context.FullName, "Dockerfile"), lines, cancellationToken);
            var image = new ImageFromDockerfileBuilder().WithContextDirectory(context.FullName).WithDockerfileDirectory(context.FullName).WithDockerfile(
                "Dockerfile").WithCleanUp(true).Build();
            await image.CreateAsync(cancellationToken);
            return image;
        }
        finally
        {
            context.Delete(recursive: true);
        }
    }

    private static IEnumerable<string> Libraries(string[] names) =>
        from folder in s_folders from name in names let file = $"{folder}/{name}" where System.IO.File.Exists(file) select file;

    /// <summary>What follows a FROM of the Dockerfile, up to the next one.</summary>
    private static IEnumerable<string> Stage(string from) => System.IO.File.ReadLines(Repository.PathOf("Dockerfile"))
        .SkipWhile(line => !line.StartsWith(from, StringComparison.Ordinal)).Skip(1).TakeWhile(line => !line.StartsWith("FROM ", StringComparison.Ordinal));

    private static Task AddNothingAsync(string folder) => Task.CompletedTask;

    /// <summary>A stand-in where Ollama's image has Ollama, and the folders that image has.</summary>
    private static async Task CompileOllamaAsync(string folder)
    {
        foreach (var name in (string[])["usr/bin", "root"])
        {
            Directory.CreateDirectory(Path.Combine(folder, name));
        }

        using var compiler = Process.Start("cc",
            ["-static", "-O1", "-Wall", "-Werror", "-o", Path.Combine(folder, "usr/bin/ollama"), Repository.PathOf("tests/ContainerTests/ollama.c")]);
        await compiler.WaitForExitAsync();
        Assert.Equal(0, compiler.ExitCode);
    }
}
