using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// Runs every <c>curl</c> command in the documents as it is written, only against another port.
/// </summary>
public sealed partial class DocumentExampleTests(DocumentExampleTests.SomeTraffic traffic) : IClassFixture<DocumentExampleTests.SomeTraffic>
{
    /// <summary>The document and the command.</summary>
    public static TheoryData<string, string> Commands =>
    [
        .. from document in (string[])["README.md",
            .. Directory.EnumerateFiles(Repository.PathOf("docs"), "*.md").Select(file => Path.GetRelativePath(Repository.Root, file))
            .Order(StringComparer.Ordinal)]
           from Match block in ShellBlock().Matches(File.ReadAllText(Repository.PathOf(document)))
           from line in block.Groups[1].Value.Split('\n')
           where line.StartsWith("curl ", StringComparison.Ordinal)
           select (document, line),
    ];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task A_curl_command_of_the_documents_works_as_written(string document, string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The commands are written for a Unix shell.");
        Assert.Contains("localhost:11434", command, StringComparison.Ordinal);

        var (code, output) = await RunAsync(command.Replace("localhost:11434", $"localhost:{traffic.Proxy.Port}", StringComparison.Ordinal));

        Assert.True(code == 0, $"{document}: {command} ended with code {code}: {output}");
        if (command.Contains("/analytics/search", StringComparison.Ordinal))
        {
            // An example with an empty result would explain nothing.
            Assert.True(JsonElement.Parse(output).GetProperty("count").GetInt32() > 0, $"{document}: {command} found nothing: {output}");
        }
        else
        {
            Assert.True(output.Length > 0 || Directory.EnumerateFiles(traffic.Proxy.Folder, "*.csv").Any(), $"{document}: {command} gave nothing");
        }
    }

    [Fact]
    public void Every_path_of_the_analytics_api_has_an_example()
    {
        var commands = Commands.Select(row => row.Data).Where(row => row.Item1.EndsWith("analytics-api.md", StringComparison.Ordinal)).Select(row => row.Item2)
            .ToList();

        Assert.All(Host.Analytics.LocalEndpoints.All, endpoint => Assert.Contains(
            commands,
            command => Regex.IsMatch(command, Regex.Escape(endpoint.Path).Replace("\\{id}", "[0-9]+", StringComparison.Ordinal) + "[?\" ]")
                && (command.Contains("-X DELETE", StringComparison.Ordinal), command.Contains("-X POST", StringComparison.Ordinal)
                    || command.Contains("-d ", StringComparison.Ordinal))
                    == (endpoint.Method == "DELETE", endpoint.Method == "POST")));
    }

    [Fact]
    public void The_documents_name_only_paths_of_the_analytics_api_that_exist()
    {
        string[] documents = ["README.md", "CHANGELOG.md", "SECURITY.md", .. Directory.GetFiles(Repository.PathOf("docs"), "*.md")];
        var named = documents.SelectMany(document => AnalyticsPath().Matches(File.ReadAllText(Repository.PathOf(document)))).Select(match => match.Value);

        Assert.All(named, path => Assert.Contains(path, Host.Analytics.LocalEndpoints.All.Select(endpoint => endpoint.Path)));
    }

    [Fact]
    public void The_readme_has_examples() => Assert.True(Commands.Count >= 8);

    [Fact]
    public void The_build_scripts_have_every_verb_the_documents_name()
    {
        string[] documents = ["README.md", "CONTRIBUTING.md"];
        var named = documents.SelectMany(
            document => Verb().Matches(File.ReadAllText(Repository.PathOf(document))).Select(match => match.Groups[1].Value)).Distinct().ToList();
        var script = File.ReadAllText(Repository.PathOf("build.sh"));
        var batch = File.ReadAllText(Repository.PathOf("build.bat"));

        Assert.Contains("demo", named);
        Assert.All(named, verb => Assert.Contains($"\n  {verb} ", script, StringComparison.Ordinal));
        Assert.All(named, verb => Assert.Contains($"\n:{verb}\n", batch.ReplaceLineEndings("\n"), StringComparison.Ordinal));
    }

    private async Task<(int Code, string Output)> RunAsync(string command)
    {
        var start = new ProcessStartInfo("bash", ["-o", "pipefail", "-c", command])
        {
            WorkingDirectory = traffic.Proxy.Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // A curlrc that makes curl fail on a status of 400 and above.
            Environment = { ["CURL_HOME"] = traffic.Proxy.Folder, ["no_proxy"] = "localhost" },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience.Limit);
        return (process.ExitCode, await output + await errors);
    }

    [GeneratedRegex("^```(?:bash|sh)\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex(@"(?<![\w/.])/analytics/[a-z]+(?:[/.][a-z]+)*")]
    private static partial Regex AnalyticsPath();

    [GeneratedRegex(@"\./build\.sh ([a-z]+)")]
    private static partial Regex Verb();

    /// <summary>A proxy with recorded requests, as the examples assume.</summary>
    public sealed class SomeTraffic : IAsyncLifetime
    {
        private SimulatedOllamaServer _ollama = null!;

        internal ProxyUnderTest Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            _ollama = await SimulatedOllamaServer.StartAsync(
                new SimulatedOllamaOptions { Models = [new SimulatedModel("phi4:latest") { SaysFixedSentence = true }] });
            Proxy = await ProxyUnderTest.StartAsync(
                _ollama.Address, new Dictionary<string, string> { ["ANALYTICS_TOKEN"] = "a-secret-of-16-or-more", ["ANALYTICS_TRUST_LOCAL"] = "true" });
            await File.WriteAllTextAsync(Path.Combine(Proxy.Folder, ".curlrc"), "fail\nsilent\nshow-error\n");
            for (var count = 0; count < 3; count++)
            {
                using var answer = await Proxy.Client.PostAsJsonAsync("/api/generate", new { model = "phi4", prompt = "Please summarize this text" });
                await answer.Content.ReadAsByteArrayAsync();
            }

            await Eventually.TrueAsync(
                async () => (await Proxy.Client.GetFromJsonAsync<JsonElement>("/analytics/search")).GetProperty("count").GetInt32() == 3);
            await Eventually.TrueAsync(
                async () => (await Proxy.Client.GetStringAsync("/metrics")).Contains("ollama_requests_total{", StringComparison.Ordinal));
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await _ollama.DisposeAsync();
        }
    }
}
