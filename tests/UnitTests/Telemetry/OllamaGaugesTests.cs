using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;

namespace OllamaProxy.UnitTests.Telemetry;

public sealed class OllamaGaugesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly OllamaGauges _gauges = new(new ModelLabels(capacity: 2, new ModelNames()));
    private OllamaSnapshot _snapshot = OllamaSnapshot.Unknown;

    public OllamaGaugesTests() => _gauges.Observe(() => _snapshot, _time);

    [Fact]
    public void Before_the_first_poll_there_are_no_values()
    {
        Assert.Empty(_gauges.Up());
        Assert.Empty(_gauges.Loaded());
        Assert.Empty(_gauges.Installed());
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    [InlineData(null, 0)]
    public void Up_is_1_only_if_the_last_poll_was_answered(bool? isUp, int expected)
    {
        _snapshot = new OllamaSnapshot { TakenAt = _time.GetUtcNow(), IsUp = isUp };

        Assert.Equal(expected, Assert.Single(_gauges.Up()).Value);
        Assert.Empty(_gauges.Loaded());
    }

    [Fact]
    public void A_loaded_model_has_gauges_and_one_loaded_forever_has_no_expiry()
    {
        _snapshot = Loaded(
            new LoadedModel("phi4:latest") { Size = 100, VramSize = 60, ContextLength = 4_096, ExpiresAt = _time.GetUtcNow() + TimeSpan.FromSeconds(90),
                Family = "phi3", ParameterSize = "14.7B", Quantization = "Q4_K_M" },
            new LoadedModel("tiny:latest"));

        Assert.Equal(["phi4:latest phi3 14.7B Q4_K_M=1", "tiny:latest unknown unknown unknown=1"], Texts(_gauges.Loaded()));
        Assert.Equal(["phi4:latest=100", "tiny:latest=0"], Texts(_gauges.Bytes()));
        Assert.Equal(["phi4:latest=60", "tiny:latest=0"], Texts(_gauges.VramBytes()));
        Assert.Equal(["phi4:latest=0.6"], Texts(_gauges.GpuRatio()));
        Assert.Equal(["phi4:latest=4096"], Texts(_gauges.ContextLength()));
        Assert.Equal(["phi4:latest=90"], Texts(_gauges.ExpiresIn()));

        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(["phi4:latest=0"], Texts(_gauges.ExpiresIn()));

        _snapshot = Loaded();
        Assert.Empty(_gauges.Loaded());
    }

    [Fact]
    public void Models_without_a_label_of_their_own_are_summed()
    {
        _snapshot = Loaded([.. Enumerable.Range(0, 5).Select(number => new LoadedModel($"model-{number}:latest") { Size = 10, VramSize = number })]);

        Assert.Equal(["model-0:latest unknown unknown unknown=1", "model-1:latest unknown unknown unknown=1", "other other other other=3"],
            Texts(_gauges.Loaded()));
        Assert.Equal(["model-0:latest=10", "model-1:latest=10", "other=30"], Texts(_gauges.Bytes()));
        Assert.Equal(["model-0:latest=0", "model-1:latest=0.1", "other=0.3"], Texts(_gauges.GpuRatio()));
    }

    private OllamaSnapshot Loaded(params LoadedModel[] models) => new() { TakenAt = _time.GetUtcNow(), IsUp = true, Loaded = models };

    private static string[] Texts<T>(IEnumerable<Measurement<T>> measurements)
        where T : struct, IFormattable =>
        [.. measurements.Select(measurement => string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{string.Join(' ', measurement.Tags.ToArray().Select(tag => tag.Value))}={measurement.Value}"))];
}
