using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.TestKit;
using YamlDotNet.RepresentationModel;

namespace OllamaProxy.ContainerTests;

/// <summary>Checks the release workflow and the compose file without running them: they can be parsed, and the files they name exist.</summary>
public sealed partial class ReleaseFilesTests
{
    private const string Workflow = ".github/workflows/build.yml";

    [Fact]
    public void The_workflow_runs_existing_scripts_and_verbs_and_pinned_actions()
    {
        var workflow = Yaml(Workflow);
        var commands = Values(workflow, "run").ToList();
        var verbs = File.ReadAllText(Repository.PathOf("build.sh"));
        var batch = File.ReadAllText(Repository.PathOf("build.bat")).ReplaceLineEndings("\n");

        Assert.All(commands.SelectMany(command => Script().Matches(command)),
            script => Assert.True(File.Exists(Repository.PathOf(script.Value)), script.Value));
        Assert.All(commands.SelectMany(command => BuildSh().Matches(command)),
            verb => Assert.Contains($"\n  {verb.Groups[1].Value} ", verbs, StringComparison.Ordinal));
        Assert.All(commands.SelectMany(command => BuildBat().Matches(command)),
            verb => Assert.Contains($"\n:{verb.Groups[1].Value}\n", batch, StringComparison.Ordinal));
        Assert.Equal(["test", "publish"],
            commands.SelectMany(command => BuildSh().Matches(command)).Select(verb => verb.Groups[1].Value).Distinct().OrderDescending());
        Assert.All(Values(workflow, "uses"), action => Assert.Matches(@"^[\w-]+/[\w-]+@v\d+\.\d+\.\d+$", action));
    }

    [Fact]
    public void The_workflow_has_only_read_permissions_except_where_it_publishes()
    {
        var workflow = (YamlMappingNode)Yaml(Workflow);
        var jobs = (YamlMappingNode)workflow["jobs"];

        Assert.Equal(["contents: read"], Permissions(workflow));
        Assert.DoesNotContain("permissions", ((YamlMappingNode)jobs["build"]).Children.Keys.Select(key => key.ToString()));
        Assert.Equal("startsWith(github.ref, 'refs/tags/v')", jobs["release"]["if"].ToString());
        Assert.Equal("build", jobs["release"]["needs"].ToString());
        Assert.Equal(["attestations: write", "contents: write", "id-token: write", "packages: write"], Permissions((YamlMappingNode)jobs["release"]).Order());
    }

    [Fact]
    public void The_compose_file_exposes_only_the_proxy_and_mounts_existing_files()
    {
        var services = ((YamlMappingNode)Yaml("compose.yaml")["services"]).Children.ToDictionary(service => service.Key.ToString(),
            service => (YamlMappingNode)service.Value);
        var ports = services.Where(service => service.Value.Children.ContainsKey("ports"))
            .ToDictionary(service => service.Key, service => ((YamlSequenceNode)service.Value["ports"]).Single().ToString());
        var folders = services.Values.SelectMany(service => (YamlSequenceNode)service["volumes"]).Select(volume => volume.ToString()).Where(
            volume => volume.StartsWith("./", StringComparison.Ordinal)).ToList();

        Assert.Equal(["grafana", "ollama", "ollama-2", "ollama-proxy", "ollama-proxy-2", "postgres", "prometheus"], services.Keys.Order());
        Assert.All(["ollama-2", "ollama-proxy-2", "postgres"],
            team => Assert.Equal("team", ((YamlSequenceNode)services[team]["profiles"]).Single().ToString()));
        Assert.Equal("${PUBLISH_ADDRESS:-127.0.0.1}:11434:11434", ports["ollama-proxy"]);
        Assert.Equal("127.0.0.1:3000:3000", ports["grafana"]);
        Assert.Equal("${PUBLISH_ADDRESS:-127.0.0.1}:11444:11434", ports["ollama-proxy-2"]);
        Assert.Equal(3, ports.Count);
        Assert.NotEmpty(folders);
        Assert.All(folders, folder => Assert.EndsWith(":ro", folder, StringComparison.Ordinal));
        Assert.All(folders, folder => Assert.True(Directory.Exists(Repository.PathOf(folder.Split(':')[0])), folder));
    }

    [Fact]
    public void Every_variable_of_the_compose_file_is_in_the_example()
    {
        var used = Variable().Matches(File.ReadAllText(Repository.PathOf("compose.yaml"))).Select(match => match.Groups[1].Value).Distinct().Order();
        var shown = File.ReadAllLines(Repository.PathOf(".env.example")).Select(line => Assignment().Match(line)).Where(match => match.Success).Select(
            match => match.Groups[1].Value).Order();

        // Compose's own variable that selects the services.
        Assert.Equal(used.Append("COMPOSE_PROFILES").Order(), shown);
    }

    [Fact]
    public void The_proxies_of_the_composition_have_settings_that_exist_and_Prometheus_scrapes_both()
    {
        var services = (YamlMappingNode)Yaml("compose.yaml")["services"];
        string[] proxies = ["ollama-proxy", "ollama-proxy-2"];
        var documented = File.ReadAllText(Repository.PathOf("docs/configuration.md"));
        foreach (var name in proxies)
        {
            var settings = Merged(Merged(services[name])["environment"]);
            Assert.All(settings.Keys, setting => Assert.Contains($"\n| `{setting}` |", documented, StringComparison.Ordinal));
            var ollama = Assert.Single(((YamlMappingNode)Merged(services[name])["depends_on"]).Children.Keys).ToString();
            Assert.Equal((name, name, $"http://{ollama}:11434"),
                (settings["PROXY_NAME"].ToString(), settings["PROXY_ALLOWED_HOSTS"].ToString(), settings["OLLAMA_BACKEND_URL"].ToString()));
        }

        var prometheus = Yaml("grafana/prometheus.compose.yml");
        Assert.Equal(["ollama-proxy:11434", "ollama-proxy-2"], Values(prometheus, "targets").Concat(Values(prometheus, "names")));
        var database = Merged(services["postgres"]["environment"]);
        Assert.Contains($"ANALYTICS_DATABASE_URL=postgres://{database["POSTGRES_USER"]}:${{POSTGRES_PASSWORD}}@postgres/{database["POSTGRES_DB"]}",
            File.ReadAllText(Repository.PathOf(".env.example")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_bill_of_materials_names_every_package_inside_with_its_licence()
    {
        using var process = Process.Start(
            new ProcessStartInfo("node", [Repository.PathOf("eng", "sbom.mjs")]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, errors);
        var bill = JsonElement.Parse(await output);
        var components = bill.GetProperty("components").EnumerateArray().ToDictionary(component => component.GetProperty("purl").GetString()!);
        var lockFile = JsonElement.Parse(
            await File.ReadAllTextAsync(Repository.PathOf("src/OllamaProxy.Host/packages.linux-x64.lock.json"), TestContext.Current.CancellationToken));
        var packages = lockFile.GetProperty("dependencies").GetProperty("net10.0").EnumerateObject()
            .Where(package => package.Value.GetProperty("type").GetString() != "Project")
            .Select(package => $"pkg:nuget/{package.Name}@{package.Value.GetProperty("resolved").GetString()}");

        Assert.Equal("CycloneDX", bill.GetProperty("bomFormat").GetString());
        Assert.Equal(
            ["pkg:nuget/Microsoft.CodeAnalysis.BannedApiAnalyzers", "pkg:nuget/Microsoft.DotNet.ILCompiler", "pkg:nuget/Microsoft.NET.ILLink.Tasks"],
            packages.Where(package => !components.ContainsKey(package)).Select(package => package.Split('@')[0]).Order(StringComparer.Ordinal));
        Assert.Contains(components.Keys, purl => purl.StartsWith("pkg:generic/sqlite@3.", StringComparison.Ordinal));
        Assert.Contains(components.Keys, purl => purl.StartsWith("pkg:nuget/Microsoft.NETCore.App.Runtime@10.", StringComparison.Ordinal));
        Assert.All(components.Values, component => Assert.NotEqual(0, component.GetProperty("licenses").GetArrayLength()));
    }

    private static YamlNode Yaml(string file)
    {
        using var reader = File.OpenText(Repository.PathOf(file));
        var stream = new YamlStream();
        stream.Load(reader);
        return stream.Documents.Single().RootNode;
    }

    /// <summary>A mapping with what it takes over from another one.</summary>
    private static Dictionary<string, YamlNode> Merged(YamlNode node)
    {
        Dictionary<string, YamlNode> all = [];
        foreach (var (key, value) in ((YamlMappingNode)node).Children)
        {
            if (key.ToString() != "<<")
            {
                all[key.ToString()] = value;
                continue;
            }

            foreach (var (name, inherited) in Merged(value))
            {
                all.TryAdd(name, inherited);
            }
        }

        return all;
    }

    /// <summary>Every value under the key, however deep; those of a list one by one.</summary>
    private static IEnumerable<string> Values(YamlNode root, string key) =>
        from node in root.AllNodes.OfType<YamlMappingNode>()
        where node.Children.ContainsKey(key)
        from value in node[key] is YamlSequenceNode list ? list.Children : [node[key]]
        select value.ToString();

    private static IEnumerable<string> Permissions(YamlMappingNode node) =>
        ((YamlMappingNode)node["permissions"]).Children.Select(permission => $"{permission.Key}: {permission.Value}");

    [GeneratedRegex(@"(?<![\w/])(?:eng/[\w.-]+|build\.(?:sh|bat))")]
    private static partial Regex Script();

    [GeneratedRegex(@"\./build\.sh ([a-z]+)")]
    private static partial Regex BuildSh();

    [GeneratedRegex(@"build\.bat ([a-z]+)")]
    private static partial Regex BuildBat();

    [GeneratedRegex(@"\$\{([A-Z_]+)")]
    private static partial Regex Variable();

    [GeneratedRegex("^#?([A-Z_]+)=")]
    private static partial Regex Assignment();
}
