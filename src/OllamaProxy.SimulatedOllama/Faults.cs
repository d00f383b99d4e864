using System.Collections.Concurrent;

namespace OllamaProxy.SimulatedOllama;

/// <summary>What can go wrong on request.</summary>
public enum Fault
{
    None,

    /// <summary>The runner dies after some tokens: an error line in a 200 stream (recording 83).</summary>
    Error,

    /// <summary>The connection ends in the middle of the stream, without the last chunk (recording 84).</summary>
    Cut,

    /// <summary>Never answers, until the client leaves.</summary>
    Hang,

    /// <summary>The first byte comes late.</summary>
    Slow,

    /// <summary>503, the queue is full (recording 85).</summary>
    Busy,

    /// <summary>500 before the first token (recording 83g).</summary>
    Broken,
}

/// <summary>
/// Faults for the next inferences, one each in the order given. Through any proxy, without a header, a model name does the same:
/// <c>tiny-fault-cut</c> is <c>tiny</c> with <see cref="Fault.Cut"/>.
/// </summary>
public sealed class FaultPlan
{
    private const string Marker = "-fault-";
    private readonly ConcurrentQueue<Fault> _next = new();

    /// <summary>The next inference fails this way.</summary>
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
