using System.Collections.Frozen;
using System.Diagnostics.Metrics;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>Running and queued inferences by endpoint. Every endpoint exists from the start, at 0.</summary>
internal sealed class EndpointLoad
{
    private readonly FrozenDictionary<ApiEndpoint, Counts> _counts = Endpoints.ToFrozenDictionary(endpoint => endpoint, endpoint => new Counts(endpoint));

    /// <summary>The endpoints whose requests queue for a slot.</summary>
    public static ApiEndpoint[] Endpoints { get; } = [.. ApiEndpoint.All.Where(endpoint => endpoint.IsInference)];

    public void AddActive(ApiEndpoint endpoint, int change) => Interlocked.Add(ref _counts[endpoint].Active, change);

    public void AddWaiting(ApiEndpoint endpoint, int change) => Interlocked.Add(ref _counts[endpoint].Waiting, change);

    public IEnumerable<Measurement<int>> Active() => _counts.Values.Select(counts => new Measurement<int>(Volatile.Read(ref counts.Active), counts.Label));

    public IEnumerable<Measurement<int>> Waiting() => _counts.Values.Select(counts => new Measurement<int>(Volatile.Read(ref counts.Waiting), counts.Label));

    public int TotalActive() => _counts.Values.Sum(counts => Volatile.Read(ref counts.Active));

    public int TotalWaiting() => _counts.Values.Sum(counts => Volatile.Read(ref counts.Waiting));

    private sealed class Counts(ApiEndpoint endpoint)
    {
        public int Active;
        public int Waiting;

        public KeyValuePair<string, object?> Label { get; } = new("endpoint", endpoint.Label);
    }
}
