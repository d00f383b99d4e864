using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.TestKit;
using YamlDotNet.RepresentationModel;

namespace OllamaProxy.ContainerTests;

/// <summary>
/// The files of a release, built from the published executable: packages are unpacked and their program is run, manifests are parsed, and the install script
/// is run.
/// </summary>
public sealed partial class ReleasePackagesTests(ReleasePackagesTests.Release release) : IClassFixture<ReleasePackagesTests.Release>
{
    private const string NotLinux = "Packages for Linux are made on Linux.";

    [Fact]
    public async Task The_Debian_package_has_the_program_and_completions_and_its_removal_removes_the_service()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), NotLinux);
        var package = Assert.Single(Directory.GetFiles(release.Folder, "*.deb"));
        var root = release.Scratch("deb");

        await RunAsync("dpkg-deb", "--raw-extract", package, root);

        Assert.Contains(release.Version, await RunAsync(Path.Combine(root, "usr/bin/ollama-proxy"), "version"), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(root, "usr/share/bash-completion/completions/ollama-proxy")));
        var control = await File.ReadAllTextAsync(Path.Combine(root, "DEBIAN/control"), TestContext.Current.CancellationToken);
        Assert.Matches($@"(?m)^Version: {Regex.Escape(release.Version)}$", control);
        Assert.Matches(@"(?m)^Depends: libc6 \(>= 2\.\d\d\)$", control);
        Assert.Contains("/usr/bin/ollama-proxy uninstall",
            await File.ReadAllTextAsync(Path.Combine(root, "DEBIAN/prerm"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await RunAsync("sh", "-n", Path.Combine(root, "DEBIAN/postinst"));
        await RunAsync("sh", "-n", Path.Combine(root, "DEBIAN/prerm"));
    }

    [Fact]
    public async Task The_rpm_package_has_the_program_and_owns_no_system_folder()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), NotLinux);
        Assert.SkipWhen(Directory.GetFiles(release.Folder, "*.rpm").Length == 0, "rpmbuild is not installed.");
        var package = Assert.Single(Directory.GetFiles(release.Folder, "*.rpm"));

        var files = (await RunAsync("rpm", "-qpl", package)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Contains("/usr/bin/ollama-proxy", files);
        Assert.Contains("/usr/share/zsh/site-functions/_ollama-proxy", files);
        Assert.All(files, file => Assert.Contains("ollama-proxy", file, StringComparison.Ordinal));
        Assert.Contains("glibc >= 2.", await RunAsync("rpm", "-qpR", package), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_file_has_its_checksum_and_the_manifests_name_it()
    {
        var sums = (await File.ReadAllLinesAsync(Path.Combine(release.Folder, "SHA256SUMS"), TestContext.Current.CancellationToken)).ToDictionary(
            line => line[66..].TrimStart('*'), line => line[..64]);

        Assert.Equal(Directory.GetFiles(release.Folder).Select(file => Path.GetFileName(file)!).Where(name => name != "SHA256SUMS").Order(
            StringComparer.Ordinal), sums.Keys.Order(StringComparer.Ordinal));
        Assert.All(sums, sum => Assert.Equal(sum.Value, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(release.Folder, sum.Key))))));
        var named = Directory.GetFiles(release.Folder)
            .Where(file => Path.GetExtension(file) is ".rb" or ".json" or ".yaml" && !file.EndsWith(".cdx.json", StringComparison.Ordinal))
            .SelectMany(
                file => Download().Matches(File.ReadAllText(file)).Select(match => (Name: match.Groups[1].Value, Text: File.ReadAllText(file)))).ToList();
        Assert.NotEmpty(named);
        Assert.All(named, file => Assert.Contains(sums[file.Name], file.Text, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Windows_gets_manifests_for_Scoop_and_winget()
    {
        var folder = release.Scratch("windows");
        var name = $"ollama-proxy-{release.Version}-win-x64.exe";
        await File.WriteAllTextAsync(Path.Combine(folder, name), "an executable", TestContext.Current.CancellationToken);

        await RunAsync("node", Repository.PathOf("eng", "manifests.mjs"), folder);

        var hash = Convert.ToHexStringLower(SHA256.HashData("an executable"u8));
        var scoop = JsonElement.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "ollama-proxy.json"), TestContext.Current.CancellationToken));
        Assert.Equal(hash, scoop.GetProperty("architecture").GetProperty("64bit").GetProperty("hash").GetString());
        Assert.EndsWith($"/v{release.Version}/{name}#/ollama-proxy.exe", scoop.GetProperty("architecture").GetProperty("64bit").GetProperty("url").GetString(),
            StringComparison.Ordinal);
        var manifests = Directory.GetFiles(folder, "*.yaml").Select(Yaml).ToDictionary(manifest => manifest["ManifestType"].ToString());
        Assert.Equal(["defaultLocale", "installer", "version"], manifests.Keys.Order(StringComparer.Ordinal));
        Assert.All(manifests.Values,
            manifest =>
            Assert.Equal(("OllamaProxy.OllamaProxy", release.Version), (manifest["PackageIdentifier"].ToString(), manifest["PackageVersion"].ToString())));
        Assert.Equal(hash.ToUpperInvariant(), ((YamlSequenceNode)manifests["installer"]["Installers"])[0]["InstallerSha256"].ToString());
        Assert.Equal(["OllamaProxy.OllamaProxy.yaml", "OllamaProxy.OllamaProxy.installer.yaml", "OllamaProxy.OllamaProxy.locale.en-US.yaml"],
            Directory.GetFiles(folder, "*.yaml").Select(file => Path.GetFileName(file)).OrderBy(file => file!.Length));
    }

    [Fact]
    public async Task The_install_script_installs_the_executable_of_this_machine()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), NotLinux);
        await using var server = new FileServer(release.Folder);
        var into = release.Scratch("bin");

        var output = await InstallAsync(server.Address, into);

        Assert.Contains($"Installed ollama-proxy {release.Version}", output, StringComparison.Ordinal);
        Assert.Contains(release.Version, await RunAsync(Path.Combine(into, "ollama-proxy"), "version"), StringComparison.Ordinal);
        Assert.Equal(["ollama-proxy"], Directory.GetFiles(into).Select(file => Path.GetFileName(file)));
    }

    [Fact]
    public async Task The_install_script_rejects_a_file_with_another_checksum()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), NotLinux);
        var damaged = release.Scratch("damaged");
        var name = Path.GetFileName(release.Executable);
        await File.WriteAllTextAsync(Path.Combine(damaged, name), "#!/bin/sh\necho somebody else's\n", TestContext.Current.CancellationToken);
        File.Copy(Path.Combine(release.Folder, "SHA256SUMS"), Path.Combine(damaged, "SHA256SUMS"));
        await using var server = new FileServer(damaged);
        var into = release.Scratch("empty");

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => InstallAsync(server.Address, into));

        Assert.Contains("does not match the checksum of the release", failure.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(into));
    }

    [Fact]
    public async Task The_install_command_of_the_README_works()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), NotLinux);
        await using var server = new FileServer(release.Folder);
        var into = release.Scratch("readme");
        var line = File.ReadLines(Repository.PathOf("README.md")).Single(line => line.StartsWith("curl -fsSL ", StringComparison.Ordinal)).Split('#')[0];
        var here = line.Replace($"{Property("RepositoryUrl")}/releases/latest/download/", $"{server.Address}release/", StringComparison.Ordinal);
        Assert.NotEqual(line, here);

        await RunAsync("env", $"OLLAMA_PROXY_RELEASE={server.Address}release", $"OLLAMA_PROXY_BIN_DIR={into}", "no_proxy=127.0.0.1", "sh", "-c", here);

        Assert.True(File.Exists(Path.Combine(into, "ollama-proxy")));
    }

    [Fact]
    public void The_install_script_names_the_repository_once()
    {
        var url = Property("RepositoryUrl");
        var script = File.ReadAllText(Repository.PathOf("packaging", "install.sh"));

        Assert.Contains($"{url}/releases/latest/download/install.sh", script, StringComparison.Ordinal);
        Assert.Contains($"OLLAMA_PROXY_RELEASE:-{url}/releases/latest/download}}", script, StringComparison.Ordinal);
    }

    private static Task<string> InstallAsync(Uri from, string into) =>
        RunAsync("env", $"OLLAMA_PROXY_RELEASE={from}release", $"OLLAMA_PROXY_BIN_DIR={into}", "no_proxy=127.0.0.1", "sh",
            Repository.PathOf("packaging", "install.sh"));

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {errors}{await output}");
    }

    private static YamlMappingNode Yaml(string file)
    {
        using var reader = File.OpenText(file);
        var stream = new YamlStream();
        stream.Load(reader);
        return (YamlMappingNode)stream.Documents.Single().RootNode;
    }

    private static string Property(string name) =>
        Regex.Match(File.ReadAllText(Repository.PathOf("Directory.Build.props")), $"<{name}>([^<]+)</{name}>").Groups[1].Value;

    [GeneratedRegex(@"/releases/download/v[\d.]+/([\w.-]+)")]
    private static partial Regex Download();

    /// <summary>The address of a release: one folder of files over HTTP.</summary>
    private sealed class FileServer : IAsyncDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly Task _serving;

        public FileServer(string folder)
        {
            Address = new Uri($"http://127.0.0.1:{ProxyProcess.FreePort()}/");
            _listener.Prefixes.Add(Address.AbsoluteUri);
            _listener.Start();
            _serving = ServeAsync(folder);
        }

        public Uri Address { get; }

        public async ValueTask DisposeAsync()
        {
            _listener.Close();
            await _serving;
        }

        private async Task ServeAsync(string folder)
        {
            while (true)
            {
                HttpListenerContext context;
                try
                {
                    context = await _listener.GetContextAsync();
                }
                // The listener was closed.
                catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }

                var file = Path.Combine(folder, Path.GetFileName(context.Request.Url!.AbsolutePath));
                context.Response.StatusCode = File.Exists(file) ? 200 : 404;
                if (File.Exists(file))
                {
                    await using var content = File.OpenRead(file);
                    context.Response.ContentLength64 = content.Length;
                    await content.CopyToAsync(context.Response.OutputStream);
                }

                context.Response.Close();
            }
        }
    }

    /// <summary>A release for this machine's platform, built by the script that builds every release.</summary>
    public sealed class Release : IAsyncLifetime
    {
        private readonly string _root = Directory.CreateTempSubdirectory("release").FullName;

        public string Folder => Path.Combine(_root, "release");

        public string Version { get; } = Property("Version");

        public string Executable =>
            Assert.Single(Directory.GetFiles(Folder, $"ollama-proxy-{Version}-*"), file => !file.EndsWith(".rpm", StringComparison.Ordinal));

        public async ValueTask InitializeAsync()
        {
            var system = OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsMacOS() ? "osx" : "win";
            var platform = $"{system}-{(RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "x64")}";
            Assert.True(Directory.Exists(Repository.PathOf("artifacts", "publish", platform)), "These tests need the published executable: ./build.sh publish");
            await RunAsync("env", $"RELEASE_DIR={Folder}", "bash", Repository.PathOf("eng", "release-files.sh"), platform);
        }

        public string Scratch(string name) => Directory.CreateDirectory(Path.Combine(_root, name)).FullName;

        public ValueTask DisposeAsync()
        {
            Directory.Delete(_root, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
