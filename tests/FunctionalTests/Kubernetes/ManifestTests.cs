using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.Host.Configuration;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Kubernetes;

/// <summary>Every folder of deploy/kubernetes, rendered by the real <c>kubectl</c>: valid, harmless, and about things that exist.</summary>
public sealed partial class ManifestTests
{
    /// <summary>How long the end of the program may take beyond delay and grace: ProxyHost's timeout for everything that stops.</summary>
    private const int SecondsOfTheEnd = 20;

    /// <summary>Variables of Ollama, which the proxy hands on.</summary>
    private static readonly string[] s_ollamas = ["HOME", "OLLAMA_MODELS", "OLLAMA_NUM_PARALLEL"];

    public static TheoryData<string> Folders => [.. Kustomization.Folders];

    [Fact]
    public void There_is_one_for_each_purpose() => Assert.Equal(
        ["base", "overlays/gateway", "overlays/keda", "overlays/monitoring", "overlays/nvidia", "overlays/postgres", "sidecar"], Kustomization.Folders);

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Its_objects_are_what_the_schemas_allow(string folder)
    {
        var rendered = await Kustomization.RenderAsync(folder);

        Assert.Empty(rendered.Faults);
        Assert.Equal(rendered.Objects.Count, rendered.Objects.Select(item => (item.GetProperty("kind").GetString(), item.Name())).Distinct().Count());
        Assert.DoesNotContain(rendered.Objects, item => item.At("metadata").TryGetProperty("namespace", out _));
    }

    [Theory]
    [InlineData("kind: Service", "kind: Sarvice", "no schema for v1")]
    [InlineData("port: 11434", "port: many", "data/spec/ports/0/port must be integer")]
    [InlineData("port: 11434", "prot: 11434", "unknown field /spec/ports/0/prot")]
    [InlineData("port: 11434", "prot: 11434", "must have required property port")]
    [InlineData("name: a", "labels: { a: 1 }", "data/metadata/labels/a must be string")]
    public async Task The_schemas_find_what_is_wrong(string right, string wrong, string fault)
    {
        Assert.SkipWhen(Kustomization.Missing is not null && !OperatingSystem.IsLinux(), Kustomization.Missing ?? "");
        const string Service = "apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec:\n  ports:\n    - port: 11434\n";

        Assert.Empty((await Kustomization.ValidateAsync(Service)).Faults);
        Assert.Contains((await Kustomization.ValidateAsync(Service.Replace(right, wrong, StringComparison.Ordinal))).Faults,
            found => found.Contains(fault, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Its_pods_have_no_right_that_they_do_not_need(string folder)
    {
        var rendered = await Kustomization.RenderAsync(folder);

        Assert.NotEmpty(rendered.Workloads);
        Assert.All(rendered.Workloads, workload =>
        {
            var (pod, container) = (workload.Pod(), workload.Container());
            Assert.False(pod.TryGetProperty("initContainers", out _));
            Assert.False(pod.At("automountServiceAccountToken").GetBoolean());
            Assert.False(pod.At("enableServiceLinks").GetBoolean());
            Assert.DoesNotContain(pod.EnumerateObject(), field => field.Name.StartsWith("host", StringComparison.Ordinal));
            var ofPod = pod.At("securityContext");
            Assert.True(ofPod.At("runAsNonRoot").GetBoolean());
            Assert.All(["runAsUser", "runAsGroup", "fsGroup"], id => Assert.NotEqual(0, ofPod.At(id).GetInt32()));
            Assert.Equal("RuntimeDefault", ofPod.At("seccompProfile", "type").GetString());
            var ofContainer = container.At("securityContext");
            Assert.Equal(["allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"],
                ofContainer.EnumerateObject().Select(field => field.Name).Order(StringComparer.Ordinal));
            Assert.False(ofContainer.At("allowPrivilegeEscalation").GetBoolean());
            Assert.True(ofContainer.At("readOnlyRootFilesystem").GetBoolean());
            Assert.Equal("""{"drop":["ALL"]}""", JsonSerializer.Serialize(ofContainer.At("capabilities")));
            Assert.All([("requests", "cpu"), ("requests", "memory"), ("limits", "memory")],
                limit => Assert.NotEqual("", container.At("resources", limit.Item1, limit.Item2).GetString()));
            Assert.DoesNotContain(pod.At("volumes").EnumerateArray(), volume => volume.TryGetProperty("hostPath", out _));
            Assert.Contains(rendered.Of("NetworkPolicy"),
                policy => policy.At("spec", "podSelector", "matchLabels").Selects(workload.At("spec", "template"))
                          && policy.At("spec", "policyTypes").EnumerateArray().Select(type => type.GetString()).SequenceEqual(["Ingress", "Egress"]));
        });
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Its_variables_are_settings_of_the_program_and_their_values_are_accepted(string folder)
    {
        var rendered = await Kustomization.RenderAsync(folder);
        var variables = rendered.Environment();
        var secret = rendered.Proxy.Container().At("env").EnumerateArray().Select(variable => variable.At("name").GetString()!);
        var known = EnvironmentVariables.All.Select(row => row.Name).ToHashSet(StringComparer.Ordinal);
        using var file = new TemporaryFile("postgres://ollama_proxy:secret@postgres/ollama_proxy");
        var readable = variables.ToDictionary(variable => variable.Key,
            variable => variable.Key == "ANALYTICS_DATABASE_URL_FILE" ? file.Path : variable.Value);

        var (settings, problems) = EnvironmentVariables.Read(name => readable.GetValueOrDefault(name), readable.Keys);

        Assert.All(variables.Keys.Concat(secret).Except(folder is "sidecar" or "overlays/keda" ? s_ollamas : []), name => Assert.Contains(name, known));
        Assert.Empty(problems);
        Assert.Empty(settings.Notices);
        Assert.InRange(settings.Proxy.ShutdownDelay.TotalSeconds, 1, 60);
        Assert.InRange(rendered.Proxy.Pod().At("terminationGracePeriodSeconds").GetInt32(),
            (settings.Proxy.ShutdownDelay + settings.Proxy.ShutdownGrace).TotalSeconds + SecondsOfTheEnd + 1, 3_600);
        var container = rendered.Proxy.Container();
        Assert.Equal(settings.Proxy.Port, container.PortOf(JsonElement.Parse("\"http\"")));
        Assert.Equal(settings.Scrape.Port, container.PortOf(JsonElement.Parse("\"metrics\"")));
        Assert.Equal(folder is "sidecar" or "overlays/keda" ? null : new Uri("http://ollama:11434"), settings.Ollama.BackendUrl);
        if (settings.DatabaseFile is not null)
        {
            Assert.Contains(container.At("volumeMounts").EnumerateArray(),
                mount => mount.At("mountPath").GetString() == Path.GetDirectoryName(variables["ANALYTICS_DATABASE_URL_FILE"]));
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task What_its_objects_name_is_there(string folder)
    {
        var rendered = await Kustomization.RenderAsync(folder);
        var templates = rendered.Workloads.Select(workload => (Labels: workload.At("spec", "template"), Container: workload.Container())).ToList();
        foreach (var service in rendered.Of("Service"))
        {
            var (_, container) = templates.Single(template => service.At("spec", "selector").Selects(template.Labels));
            Assert.All(service.At("spec", "ports").EnumerateArray(), port => Assert.NotNull(container.PortOf(port.At("targetPort"))));
        }

        foreach (var workload in rendered.Workloads)
        {
            var container = workload.Container();
            Assert.True(workload.At("spec", "selector", "matchLabels").Selects(workload.At("spec", "template")));
            Assert.All(["startupProbe", "readinessProbe", "livenessProbe"],
                probe => Assert.NotNull(container.PortOf(container.At(probe, "httpGet", "port"))));
            var volumes = workload.Pod().At("volumes").EnumerateArray().Select(volume => volume.At("name").GetString()).Concat(
                workload.At("spec").TryGetProperty("volumeClaimTemplates", out var claims) ? claims.EnumerateArray().Select(claim => claim.Name()) : []);
            Assert.Equal(container.At("volumeMounts").EnumerateArray().Select(mount => mount.At("name").GetString()).Order(), volumes.Order());
            Assert.All(workload.Pod().At("volumes").EnumerateArray().Where(volume => volume.TryGetProperty("persistentVolumeClaim", out _)),
                volume => rendered.One("PersistentVolumeClaim", volume.At("persistentVolumeClaim", "claimName").GetString()!));
        }

        foreach (var policy in rendered.Of("NetworkPolicy"))
        {
            var (_, container) = templates.Single(template => policy.At("spec", "podSelector", "matchLabels").Selects(template.Labels));
            Assert.All(policy.At("spec", "ingress").EnumerateArray().SelectMany(rule => rule.At("ports").EnumerateArray()),
                port => Assert.NotNull(container.PortOf(port.At("port"))));
        }

        Assert.True(rendered.One("PodDisruptionBudget", "ollama-proxy").At("spec", "selector", "matchLabels").Selects(rendered.Proxy.At("spec", "template")));
        Assert.All(rendered.Of("ServiceMonitor"), monitor =>
        {
            var service = rendered.Of("Service").Single(service => monitor.At("spec", "selector", "matchLabels").Selects(service));
            Assert.Contains(monitor.At("spec", "endpoints")[0].At("port").GetString(),
                service.At("spec", "ports").EnumerateArray().Select(port => port.At("name").GetString()));
        });
        Assert.All(rendered.Of("HTTPRoute").SelectMany(route => route.At("spec", "rules").EnumerateArray()), rule =>
        {
            var backend = rule.At("backendRefs")[0];
            Assert.Contains(backend.At("port").GetInt32(), rendered.One("Service", backend.At("name").GetString()!).At("spec", "ports").EnumerateArray()
                .Select(port => port.At("port").GetInt32()));
            Assert.Equal(("0s", "0s"), (rule.At("timeouts", "request").GetString(), rule.At("timeouts", "backendRequest").GetString()));
        });
        Assert.All(rendered.Of("ScaledObject"), scaled =>
            rendered.One(scaled.At("spec", "scaleTargetRef", "kind").GetString()!, scaled.At("spec", "scaleTargetRef", "name").GetString()!));
    }

    [Fact]
    public async Task With_PostgreSQL_any_pod_may_write_and_records_that_wait_have_room()
    {
        var rendered = await Kustomization.RenderAsync("overlays/postgres");
        var data = rendered.Proxy.Pod().At("volumes").EnumerateArray().Single(volume => volume.At("name").GetString() == "data");

        Assert.Equal((2, "RollingUpdate"),
            (rendered.Proxy.At("spec", "replicas").GetInt32(), rendered.Proxy.At("spec", "strategy", "type").GetString()));
        Assert.Empty(rendered.Of("PersistentVolumeClaim"));
        Assert.Equal("1Gi", data.At("emptyDir", "sizeLimit").GetString());
        Assert.Equal("512", rendered.Environment()["ANALYTICS_SPOOL_MB"]);
    }

    [Fact]
    public async Task With_a_GPU_Ollama_asks_for_it()
    {
        var rendered = await Kustomization.RenderAsync("overlays/nvidia");

        Assert.Equal(1, rendered.One("StatefulSet", "ollama").Container().At("resources", "limits", "nvidia.com/gpu").GetInt32());
    }

    [Fact]
    public async Task The_queue_that_scales_is_as_long_as_the_slots_leave_it()
    {
        var rendered = await Kustomization.RenderAsync("overlays/keda");
        var triggers = rendered.One("ScaledObject", "ollama-proxy").At("spec", "triggers").EnumerateArray()
            .ToDictionary(trigger => trigger.At("name").GetString()!, trigger => trigger.At("metadata"));
        var variables = rendered.Environment();

        Assert.Equal(variables["MAX_CONCURRENT_REQUESTS"], triggers["running"].At("threshold").GetString());
        Assert.Equal(variables["MAX_CONCURRENT_REQUESTS"], variables["OLLAMA_NUM_PARALLEL"]);
    }

    [Fact]
    public async Task Monitoring_brings_the_rules_and_the_dashboard_of_grafana()
    {
        var rendered = await Kustomization.RenderAsync("overlays/monitoring");
        var rules = Repository.PathOf("deploy", "kubernetes", "components", "monitoring", "prometheus-rule.yaml");
        var dashboard = rendered.One("ConfigMap", "ollama-proxy-dashboard");

        Assert.Equal(await Kustomization.RunAsync("node", "", Repository.PathOf("tests", "kubernetes", "rules.mjs")), await File.ReadAllTextAsync(rules));
        Assert.Equal(await File.ReadAllTextAsync(Repository.PathOf("grafana", "provisioning", "dashboards", "grafana_ollama_dashboard.json")),
            dashboard.At("data", "grafana_ollama_dashboard.json").GetString());
        // kubectl apply keeps the object in an annotation, which has a limit.
        Assert.InRange(dashboard.GetRawText().Length, 1, 262_144);
    }

    [Fact]
    public async Task The_overlay_of_the_document_renders()
    {
        var version = VersionOf().Match(await File.ReadAllTextAsync(Repository.PathOf("Directory.Build.props"))).Groups[1].Value;
        var example = Example().Match(await File.ReadAllTextAsync(Repository.PathOf("docs", "kubernetes.md"))).Groups[1].Value;
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-test-");
        try
        {
            // What a user takes from the release is here.
            var local = Release().Replace(example, match =>
            {
                Assert.Equal($"v{version}", match.Groups[2].Value);
                return Path.GetRelativePath(folder.FullName, Repository.PathOf(match.Groups[1].Value));
            });
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "kustomization.yaml"), local);

            var rendered = await Kustomization.RenderAsync(folder.FullName);

            Assert.Empty(rendered.Faults);
            Assert.Equal(("8", "postgres"), (rendered.Environment()["MAX_CONCURRENT_REQUESTS"], rendered.Environment()["ANALYTICS_BACKEND"]));
            Assert.All(rendered.Objects, item => Assert.Equal("ollama", item.At("metadata", "namespace").GetString()));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Images_have_the_version_of_this_program_and_the_Ollama_of_the_Dockerfile()
    {
        var version = VersionOf().Match(await File.ReadAllTextAsync(Repository.PathOf("Directory.Build.props"))).Groups[1].Value;
        var ollama = OllamaOf().Match(await File.ReadAllTextAsync(Repository.PathOf("Dockerfile"))).Groups[1].Value;

        var rendered = await Kustomization.RenderAsync("base");
        Assert.Equal($"ghcr.io/ollama-proxy/ollama-proxy:{version}", rendered.Proxy.Container().At("image").GetString());
        Assert.Equal(ollama, rendered.One("StatefulSet", "ollama").Container().At("image").GetString());
        Assert.Equal($"ghcr.io/ollama-proxy/ollama-proxy:{version}-with-ollama",
            (await Kustomization.RenderAsync("sidecar")).Proxy.Container().At("image").GetString());
    }

    [GeneratedRegex(@"```yaml\n(apiVersion: kustomize[\s\S]+?)```")]
    private static partial Regex Example();

    [GeneratedRegex(@"https://github\.com/ollama-proxy/ollama-proxy//(\S+)\?ref=(\S+)")]
    private static partial Regex Release();

    [GeneratedRegex("<Version>(.+)</Version>")]
    private static partial Regex VersionOf();

    [GeneratedRegex("(?m)^ARG OLLAMA_IMAGE=(.+)$")]
    private static partial Regex OllamaOf();

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text) => File.WriteAllText(Path, text);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
