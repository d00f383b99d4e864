using System.Collections.Frozen;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Telemetry;

/// <summary>OpenTelemetry's own variables, which its SDK reads, and the proxy's settings that depend on them.</summary>
internal sealed record OpenTelemetryOptions
{
    /// <summary>The standard variables that are set; the SDK reads them from its configuration.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = FrozenDictionary<string, string>.Empty;

    /// <summary>Whether the request to Ollama carries the span's identity. Off by default, because it changes the request.</summary>
    public bool PropagatesTrace { get; init; }

    public bool ExportsMetrics => Exports("METRICS");

    public bool ExportsTraces => Exports("TRACES");

    /// <summary>Whether spans contain prompts and responses: the convention's own switch.</summary>
    public bool CapturesContent =>
        Variable("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")?.ToUpperInvariant() is "TRUE" or "SPAN_ONLY" or "SPAN_AND_EVENT";

    /// <summary>Reports invalid variables, which the SDK itself would ignore silently.</summary>
    public IEnumerable<string> Problems()
    {
        foreach (var name in Variables.Keys.Where(name => name.EndsWith("_ENDPOINT", StringComparison.Ordinal)))
        {
            if (!Uri.TryCreate(Variables[name], UriKind.Absolute, out var url) || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps))
            {
                yield return $"{name}=\"{EnvironmentVariables.Shown(name, Variables[name])}\": must be an http or https URL.";
            }
        }

        foreach (var name in Variables.Keys.Where(name => name.EndsWith("_PROTOCOL", StringComparison.Ordinal)))
        {
            if (Variables[name] is not ("grpc" or "http/protobuf"))
            {
                yield return $"{name}=\"{EnvironmentVariables.Shown(name, Variables[name])}\": must be grpc or http/protobuf.";
            }
        }
    }

    private bool Exports(string signal) =>
        !string.Equals(Variable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
        && Variable($"OTEL_{signal}_EXPORTER") switch
        {
            "otlp" => true,
            null => Variable("OTEL_EXPORTER_OTLP_ENDPOINT") is not null || Variable($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") is not null,
            _ => false,
        };

    private string? Variable(string name) => Variables.GetValueOrDefault(name);
}
