using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Configuration;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Configuration;

public sealed class ConfigurationDocumentTests
{
    private static readonly string[] s_lines = File.ReadAllLines(Repository.PathOf("docs", "configuration.md"));

    [Fact]
    public void The_table_of_settings_equals_the_environment_variables_of_the_program()
    {
        var expected = EnvironmentVariables.All.Select(
            row => $"| `{row.Name}` | {(row.Default.Length > 0 ? $"`{row.Default}`" : "")} | {row.Range} | {row.Meaning} |");

        Assert.Equal(expected, s_lines.Where(line => EnvironmentVariables.All.Any(row => line.StartsWith($"| `{row.Name}` |", StringComparison.Ordinal))));
        Assert.Equal(EnvironmentVariables.All.Count,
            s_lines.SkipWhile(line => !line.StartsWith("| Variable |", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|')).Count());
    }

    [Fact]
    public void Every_OpenTelemetry_variable_that_is_read_is_documented()
    {
        var listed = File.ReadAllLines(Repository.PathOf("docs", "monitoring.md")).Where(line => line.StartsWith("| `OTEL_", StringComparison.Ordinal))
            .Select(line => line.Trim('|', ' ', '`'));

        Assert.Equal(EnvironmentVariables.OpenTelemetry, listed);
    }

    [Fact]
    public void An_invalid_OpenTelemetry_variable_stops_the_start()
    {
        var (_, problems) = EnvironmentVariables.Read(
            name => name switch { "OTEL_EXPORTER_OTLP_ENDPOINT" => "localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL" => "http/json", _ => null });

        Assert.Equal(
            ["OTEL_EXPORTER_OTLP_ENDPOINT=\"localhost:4317\": must be an http or https URL.",
                "OTEL_EXPORTER_OTLP_PROTOCOL=\"http/json\": must be grpc or http/protobuf."],
            problems);
    }

    [Fact]
    public void Every_exit_code_is_explained() =>
        Assert.All([ExitCodes.Success, ExitCodes.Failed, ExitCodes.CannotStart, ExitCodes.NotRunning, ExitCodes.Interrupted],
            code => Assert.Contains(s_lines, line => line.StartsWith($"| {code} |", StringComparison.Ordinal)));
}
