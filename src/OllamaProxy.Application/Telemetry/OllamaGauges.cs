using System.Diagnostics.Metrics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>
/// The last poll of Ollama as measurements. Unknown values are not measured: an unloaded model, or an Ollama that does not answer, leaves no series behind.
/// Models without their own label share <c>other</c>.
/// </summary>
internal sealed class OllamaGauges(ModelLabels models)
{
    /// <summary>Label values from Ollama are cut to this many characters.</summary>
    private const int MaxText = 64;

    private static readonly string s_version = typeof(OllamaGauges).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    private Func<OllamaSnapshot> _snapshot = static () => OllamaSnapshot.Unknown;
    private TimeProvider _time = TimeProvider.System;

    /// <summary>Label sets that a model may have over time, one for each loaded build.</summary>
    public static int BuildsOfModel => 8;

    private OllamaSnapshot Snapshot => _snapshot();

    public void Observe(Func<OllamaSnapshot> snapshot, TimeProvider time) => (_snapshot, _time) = (snapshot, time);

    /// <summary>1 when Ollama answered the last poll, 0 when it did not, no value before the first poll.</summary>
    public IEnumerable<Measurement<int>> Up() =>
        Snapshot is { TakenAt: var at } snapshot && at != OllamaSnapshot.Unknown.TakenAt ? [new(snapshot.IsUp == true ? 1 : 0)] : [];

    public IEnumerable<Measurement<int>> Build() => [new(1, Label("version", s_version), Label("ollama_version", Cut(Snapshot.Version)))];

    public IEnumerable<Measurement<int>> Installed() => Snapshot.InstalledCount is { } count ? [new(count)] : [];

    public IEnumerable<Measurement<long>> InstalledBytes() => Snapshot.InstalledSize is { } size ? [new(size)] : [];

    public IEnumerable<Measurement<int>> Loaded() =>
        ByLabel().Select(group => group.Key == ModelLabels.Other
            ? new Measurement<int>(group.Count(), Label("model", group.Key), Label("family", ModelLabels.Other), Label("parameter_size", ModelLabels.Other),
                Label("quantization", ModelLabels.Other))
            : new Measurement<int>(
                1,
                Label("model", group.Key),
                Label("family", Cut(group.First().Family)),
                Label("parameter_size", Cut(group.First().ParameterSize)),
                Label("quantization", Cut(group.First().Quantization))));

    public IEnumerable<Measurement<long>> Bytes() => Each(group => group.Sum(model => model.Size));

    public IEnumerable<Measurement<long>> VramBytes() => Each(group => group.Sum(model => model.VramSize));

    public IEnumerable<Measurement<double>> GpuRatio() =>
        from @group in ByLabel()
        let size = @group.Sum(model => model.Size)
        where size > 0
        select new Measurement<double>((double)@group.Sum(model => model.VramSize) / size, Label("model", @group.Key));

    public IEnumerable<Measurement<int>> ContextLength() =>
        from @group in ByLabel()
        let longest = @group.Max(model => model.ContextLength)
        where longest is not null
        select new Measurement<int>(longest.Value, Label("model", @group.Key));

    /// <summary>While a model is in use its expiry is stale and can be in the past: then this is 0.</summary>
    public IEnumerable<Measurement<double>> ExpiresIn()
    {
        var now = _time.GetUtcNow();
        return from @group in ByLabel()
               let first = @group.Min(model => model.ExpiresAt)
               where first is not null
               select new Measurement<double>(Math.Max(0, (first.Value - now).TotalSeconds), Label("model", @group.Key));
    }

    private IEnumerable<Measurement<long>> Each(Func<IEnumerable<LoadedModel>, long> value) =>
        ByLabel().Select(group => new Measurement<long>(value(group), Label("model", group.Key)));

    private IEnumerable<IGrouping<string, LoadedModel>> ByLabel() =>
        (Snapshot.Loaded ?? []).GroupBy(model => models.OfLoaded(model.Name), StringComparer.Ordinal);

    private static string Cut(string? text) => string.IsNullOrEmpty(text) ? ModelLabels.Unknown : TextCut.Beginning(text, MaxText)!;

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
