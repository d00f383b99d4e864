using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Telemetry;

public sealed partial class MetricCatalogueTests
{
    [Fact]
    public void The_documentation_lists_exactly_the_instruments_of_the_program()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        List<string> declared = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == ProxyMetrics.MeterName)
                {
                    declared.Add(instrument.Name);
                }
            },
        };
        listener.Start();
        _ = new ProxyMetrics(services.GetRequiredService<IMeterFactory>(), new MetricsOptions());

        var documented = DocumentedName().Matches(File.ReadAllText(Repository.PathOf("docs", "metrics.md"))).Select(match => match.Groups[1].Value);

        Assert.Equal(declared.Distinct().Order(StringComparer.Ordinal), documented.Distinct().Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^\| `(ollama_[a-z_]+)`", RegexOptions.Multiline)]
    private static partial Regex DocumentedName();
}
