using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Telemetry;

/// <summary>Compares docs/metrics.md with the program: names, types, units, labels and buckets.</summary>
public sealed class MetricCatalogueTests
{
    private static readonly string[] s_lines = File.ReadAllLines(Repository.PathOf("docs", "metrics.md"));

    [Fact]
    public void The_documentation_lists_exactly_the_instruments_of_the_program()
    {
        var declared = Declared();
        var documented = Rows("| Name | Type |").ToDictionary(row => row[0].Trim('`'), StringComparer.Ordinal);

        Assert.Equal(declared.Keys.Order(StringComparer.Ordinal), documented.Keys.Order(StringComparer.Ordinal));
        Assert.All(declared, entry =>
        {
            var row = documented[entry.Key];
            var unit = entry.Value.Instrument.Unit;
            Assert.Equal(TypeOf(entry.Value.Instrument), row[1]);
            Assert.True(unit is null || row[2] == (unit switch { "s" => "seconds", "By" => "bytes", _ => unit }), $"{entry.Key}: {row[2]}");
            Assert.False(string.IsNullOrWhiteSpace(row[2]) || string.IsNullOrWhiteSpace(row[4]), entry.Key);
            Assert.Equal(entry.Value.Labels.Order(StringComparer.Ordinal),
                row[3].Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(label => label.Trim('`')).Order(StringComparer.Ordinal));
        });
    }

    [Fact]
    public void The_documentation_lists_exactly_the_buckets_of_the_program()
    {
        var documented = Rows("| Name | Boundaries |").ToDictionary(row => row[0].Trim('`'), row => NumbersOf(row[1]), StringComparer.Ordinal);
        var declared = Declared().Values.Select(entry => entry.Instrument).OfType<Histogram<double>>()
            .ToDictionary(histogram => histogram.Name, histogram => histogram.Advice!.HistogramBucketBoundaries!.ToArray(), StringComparer.Ordinal);

        Assert.Equal(declared.Keys.Order(StringComparer.Ordinal), documented.Keys.Order(StringComparer.Ordinal));
        Assert.All(declared, entry => Assert.Equal(entry.Value, documented[entry.Key]));
    }

    [Fact]
    public void Every_label_is_explained_with_every_value_of_a_closed_set()
    {
        var documented = Rows("| Label | Values |")
            .SelectMany(row => row[0].Split(", "), (row, label) => (Label: label.Trim('`'), Values: row[1]))
            .ToDictionary(row => row.Label, row => row.Values, StringComparer.Ordinal);

        Assert.Equal(Declared().Values.SelectMany(entry => entry.Labels).Distinct().Order(StringComparer.Ordinal),
            documented.Keys.Order(StringComparer.Ordinal));
        Assert.All(Enum.GetValues<ErrorType>(), type => Assert.Contains($"`{type.Name()}`", documented["error_type"], StringComparison.Ordinal));
        Assert.All(ExchangePhaseNames.All, phase => Assert.Contains($"`{phase}`", documented["phase"], StringComparison.Ordinal));
        Assert.All(Enum.GetValues<Truncation>(), confidence => Assert.Contains($"`{confidence.Name()}`", documented["confidence"], StringComparison.Ordinal));
        Assert.All(Enum.GetValues<PromptCategory>(),
            category => Assert.Contains($"`{category.Label()}`", documented["prompt_category"], StringComparison.Ordinal));
        Assert.All(Enum.GetValues<ParseFailure>(), failure => Assert.Contains($"`{failure.Name()}`", documented["reason"], StringComparison.Ordinal));
        Assert.All(Enum.GetValues<LoadCause>(), cause => Assert.Contains($"`{cause.Name()}`", documented["cause"], StringComparison.Ordinal));
    }

    /// <summary>Every instrument with its labels, after everything that can be recorded was.</summary>
    private static Dictionary<string, (Instrument Instrument, HashSet<string> Labels)> Declared()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        Dictionary<string, (Instrument, HashSet<string> Labels)> found = new(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters))
                {
                    found.Add(instrument.Name, (instrument, []));
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, labels, _) => Note(instrument, labels));
        listener.SetMeasurementEventCallback<int>((instrument, _, labels, _) => Note(instrument, labels));
        listener.SetMeasurementEventCallback<double>((instrument, _, labels, _) => Note(instrument, labels));
        listener.Start();
        var metrics = new ProxyMetrics(meters, new MetricsOptions(), new ModelNames());
        metrics.BeginAtZero();
        metrics.ObserveOllama(() => new OllamaSnapshot { TakenAt = DateTimeOffset.UnixEpoch, IsUp = true,
            Loaded = [new LoadedModel("a:latest") { Size = 1, ContextLength = 1, ExpiresAt = DateTimeOffset.UnixEpoch }] }, TimeProvider.System);
        metrics.Record(Everything());
        metrics.Record(new Exchange
        {
            Id = "1",
            StartedAt = DateTimeOffset.UnixEpoch,
            Duration = TimeSpan.Zero,
            Endpoint = ApiEndpoint.Chat,
            Method = "POST",
            Target = "/api/chat",
            Outcome = ExchangeOutcome.Completed,
            RequestOverhead = TimeSpan.Zero,
        });
        metrics.RecordQueueWait(ApiEndpoint.Chat, TimeSpan.Zero);
        listener.RecordObservableInstruments();
        return found;

        void Note(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> labels)
        {
            foreach (var (label, _) in labels)
            {
                found[instrument.Name].Labels.Add(label);
            }
        }
    }

    private static RequestRecord Everything() => new()
    {
        RequestId = "1",
        Timestamp = DateTimeOffset.UnixEpoch,
        Model = "a",
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Category = PromptCategory.Other,
        Latency = TimeSpan.FromSeconds(1),
        StatusCode = 200,
        Outcome = ExchangeOutcome.UpstreamError,
        ErrorType = ErrorType.MidStream,
        Truncation = Truncation.Likely,
        LoadCause = LoadCause.Cold,
        LoadDuration = TimeSpan.FromSeconds(1),
        QueueTime = TimeSpan.Zero,
        TimeToFirstToken = TimeSpan.FromSeconds(1),
        MeanGap = TimeSpan.FromSeconds(1),
        LongestGap = TimeSpan.FromSeconds(1),
        InputTokens = 2,
        CachedInputTokens = 1,
        PromptTokensPerSecond = 1,
        OutputTokens = 1,
        TokensPerSecond = 1,
        IsInference = true,
    };

    private static string TypeOf(Instrument instrument) => instrument.GetType().Name switch
    {
        "Counter`1" or "ObservableCounter`1" => "counter",
        "Histogram`1" => "histogram",
        "ObservableGauge`1" => "gauge",
        var other => other,
    };

    /// <summary>The cells of the table whose header begins with this text.</summary>
    private static IEnumerable<string[]> Rows(string header) =>
        s_lines.SkipWhile(line => !line.StartsWith(header, StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray());

    /// <summary>The numbers of a text, up to the words that explain them.</summary>
    private static double[] NumbersOf(string text) =>
        [.. System.Text.RegularExpressions.Regex.Matches(text.Split(": from", 2)[0].Split(", because", 2)[0],
            @"(?<![\w.])\d+(\.\d+)?").Select(number => double.Parse(number.Value, CultureInfo.InvariantCulture))];
}
