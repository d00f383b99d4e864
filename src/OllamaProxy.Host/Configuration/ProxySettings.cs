using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Logging;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Configuration;

/// <summary>Every option of the program, read and validated once, before anything starts.</summary>
internal sealed record ProxySettings
{
    public ProxyOptions Proxy { get; init; } = new();

    public GateOptions Gate { get; init; } = new();

    public OllamaOptions Ollama { get; init; } = new();

    public AnalyticsOptions Analytics { get; init; } = new();

    public RecordingOptions Recording { get; init; } = new();

    public MetricsOptions Metrics { get; init; } = new();

    public ScrapeOptions Scrape { get; init; } = new();

    public OpenTelemetryOptions OpenTelemetry { get; init; } = new();

    public AccessOptions Access { get; init; } = new();

    public LogOptions Log { get; init; } = new();

    /// <summary>Ollama's own variable as the user set it; null when unset. It is checked when the ports are known.</summary>
    public string? OllamaHost { get; init; }

    /// <summary>The file with the database's URL; null when unset.</summary>
    public string? DatabaseFile { get; init; }

    /// <summary>Hints about valid settings.</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];
}
