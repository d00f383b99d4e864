using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Kubernetes;

/// <summary>The objects that <c>kubectl kustomize</c> makes of a folder of deploy/kubernetes, and what the schemas find wrong with them.</summary>
internal sealed record Kustomization(IReadOnlyList<JsonElement> Objects, IReadOnlyList<string> Faults)
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<Kustomization>>> s_rendered = new(StringComparer.Ordinal);

    private static string Node => Repository.PathOf("tests", "kubernetes");

    /// <summary>Why nothing can be rendered here; null when it can.</summary>
    public static string? Missing =>
        Programs.Find("kubectl", "kubectl") is null ? "there is no kubectl on PATH; ./build.sh test brings one on x64 Linux"
        : !Directory.Exists(Path.Combine(Node, "node_modules")) ? $"the schemas are not installed: run `npm ci` in {Node}, or ./build.sh test, which does it"
        : null;

    /// <summary>Every folder that a user may apply, as a path below deploy/kubernetes.</summary>
    public static IEnumerable<string> Folders { get; } =
        Directory.GetFiles(Repository.PathOf("deploy", "kubernetes"), "kustomization.yaml", SearchOption.AllDirectories)
            .Where(file => File.ReadAllText(file).Contains("\nkind: Kustomization\n", StringComparison.Ordinal))
            .Select(file => Path.GetRelativePath(Repository.PathOf("deploy", "kubernetes"), Path.GetDirectoryName(file)!)).Order(StringComparer.Ordinal);

    /// <summary>Renders a folder once for all tests.</summary>
    public static Task<Kustomization> RenderAsync(string folder)
    {
        Assert.SkipWhen(Missing is not null && !OperatingSystem.IsLinux(), Missing ?? "");
        Assert.Null(Missing);
        return s_rendered.GetOrAdd(folder, static name => new(async () =>
            await ValidateAsync(await RunAsync(Programs.Find("kubectl", "kubectl")!, "", "kustomize", Repository.PathOf("deploy", "kubernetes", name))))).Value;
    }

    /// <summary>Holds the objects of a YAML text against their schemas.</summary>
    public static async Task<Kustomization> ValidateAsync(string yaml)
    {
        var answer = JsonElement.Parse(await RunAsync("node", yaml, Path.Combine(Node, "validate.mjs")));
        return new([.. answer.GetProperty("objects").EnumerateArray()], [.. answer.GetProperty("faults").EnumerateArray().Select(fault => fault.GetString()!)]);
    }

    /// <summary>What a program writes; fails with its errors, warnings included.</summary>
    public static async Task<string> RunAsync(string program, string input, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(Patience.Limit);
        Assert.Equal((0, ""), (process.ExitCode, await errors));
        return await output;
    }

    public IEnumerable<JsonElement> Of(params string[] kinds) => Objects.Where(item => kinds.Contains(item.GetProperty("kind").GetString()));

    public JsonElement One(string kind, string name) => Of(kind).Single(item => item.Name() == name);

    /// <summary>The objects that make pods.</summary>
    public IEnumerable<JsonElement> Workloads => Of("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob");

    /// <summary>The workload of the proxy.</summary>
    public JsonElement Proxy => Workloads.Single(item => item.Name() == "ollama-proxy");

    /// <summary>The environment of the proxy's container, as far as it is written in a manifest.</summary>
    public Dictionary<string, string> Environment()
    {
        var container = Proxy.Container();
        var settings = container.At("envFrom").EnumerateArray().Select(source => One("ConfigMap", source.At("configMapRef", "name").GetString()!))
            .SelectMany(map => map.GetProperty("data").EnumerateObject()).ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!);
        foreach (var variable in container.At("env").EnumerateArray().Where(variable => variable.TryGetProperty("value", out _)))
        {
            settings.Add(variable.GetProperty("name").GetString()!, variable.GetProperty("value").GetString()!);
        }

        return settings;
    }
}

/// <summary>Words for the parts of a Kubernetes object.</summary>
internal static class ObjectParts
{
    public static string Name(this JsonElement item) => item.At("metadata", "name").GetString()!;

    /// <summary>The value under these keys; fails with the object if there is none.</summary>
    public static JsonElement At(this JsonElement item, params string[] path) =>
        path.Aggregate(item, (at, key) => at.TryGetProperty(key, out var next) ? next : throw new KeyNotFoundException($"no {key} in {at}"));

    public static JsonElement Pod(this JsonElement workload) => workload.At("spec", "template", "spec");

    public static JsonElement Container(this JsonElement workload) => Assert.Single(workload.Pod().At("containers").EnumerateArray());

    /// <summary>Whether a selector's labels are all among those of an object or a pod template.</summary>
    public static bool Selects(this JsonElement labels, JsonElement item) => labels.EnumerateObject().All(
        label => item.At("metadata", "labels").TryGetProperty(label.Name, out var value) && value.ValueEquals(label.Value.GetString()));

    /// <summary>The port of a container that a name or a number means.</summary>
    public static int? PortOf(this JsonElement container, JsonElement port) => container.At("ports").EnumerateArray()
        .Where(own => port.ValueKind == JsonValueKind.String
            ? own.At("name").ValueEquals(port.GetString())
            : own.At("containerPort").GetInt32() == port.GetInt32())
        .Select(own => (int?)own.At("containerPort").GetInt32()).SingleOrDefault();
}
