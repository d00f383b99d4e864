namespace OllamaProxy.Application.Telemetry;

/// <summary>The limits of <c>/metrics</c>.</summary>
public sealed record MetricsOptions
{
    /// <summary>Distinct values of the <c>model</c> label; further models are counted as <c>other</c>. 1 to 1,000, default 100.</summary>
    public int MaxModels { get; init; } = 100;

    /// <summary>Inferences that may run at once (<c>MAX_CONCURRENT_REQUESTS</c>), default 50.</summary>
    public int Slots { get; init; } = 50;
}
