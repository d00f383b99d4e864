using System.Collections.Concurrent;

namespace OllamaProxy.SimulatedOllama;

/// <summary>Faults on request.</summary>
public enum Fault
{
    None,

    /// <summary>The runner dies after some tokens: an error line in a 200 stream (recording 83).</summary>
    Error,

    /// <summary>The connection ends inside the stream, without the last chunk (recording 84).</summary>
    Cut,

    /// <summary>No response until the client disconnects.</summary>
    Hang,

    /// <summary>The first byte is late.</summary>
    Slow,

    /// <summary>503: the queue is full (recording 85).</summary>
    Busy,

    /// <summary>500 before the first token (recording 83g).</summary>
    Broken,
}

/// <summary>
/// Faults for the next inferences, one each in order. A model name can select one too, which works through any proxy: <c>tiny-fault-cut</c> is <c>tiny</c> with
/// <see cref="Fault.Cut"/>.
/// </summary>
public sealed class FaultPlan
{
    private const string Marker = "-fault-";
    private readonly ConcurrentQueue<Fault> _next = new();

    /// <summary>Makes the next inference fail this way.</summary>
    public void Next(Fault fault) => _next.Enqueue(fault);

    internal Fault Take(string modelFault) => modelFault.Length > 0 ? Parse(modelFault) : _next.TryDequeue(out var fault) ? fault : Fault.None;

    internal static (string Model, string Fault) Split(string name)
    {
        var at = name.LastIndexOf(Marker, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? (name, "") : (name[..at], name[(at + Marker.Length)..]);
    }

    private static Fault Parse(string text) => text.ToUpperInvariant() switch
    {
        "ERROR" => Fault.Error,
        "CUT" => Fault.Cut,
        "HANG" => Fault.Hang,
        "SLOW" => Fault.Slow,
        "BUSY" => Fault.Busy,
        "BROKEN" => Fault.Broken,
        _ => Fault.None,
    };
}
