using System.Diagnostics;
using System.Globalization;
using OllamaProxy.Bench.Sockets;

namespace OllamaProxy.Bench.Load;

/// <summary>One measurement as the run requests it, in one line: <c>NAME key=value ...</c>.</summary>
internal sealed class PhaseRequest
{
    private readonly Dictionary<string, string> _values;

    private PhaseRequest(string name, Dictionary<string, string> values) => (Name, _values) = (name, values);

    public string Name { get; }

    /// <summary>The port to connect to: the proxy's, or the upstream's.</summary>
    public int Port => Integer("port");

    /// <summary>The port of the upstream, for questions about its streams.</summary>
    public int UpstreamPort => Integer("upstream");

    public static PhaseRequest Parse(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new PhaseRequest(words[0],
            words.Skip(1).Select(word => word.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal));
    }

    public int Integer(string key) => int.Parse(_values[key], CultureInfo.InvariantCulture);

    public double Number(string key) => double.Parse(_values[key], CultureInfo.InvariantCulture);
}

/// <summary>
/// The frame of a measurement: its event loop, its end and its figures. The CPU time of the proxy is divided by the figure "units".
/// </summary>
internal abstract class Phase(PhaseRequest request) : IDisposable
{
    /// <summary>How long after its planned end a measurement is aborted.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(8);

    public EventLoop Loop { get; } = new();

    /// <summary>One buffer for all connections, because there is one thread.</summary>
    public byte[] Buffer { get; } = new byte[256 * 1024];

    public Dictionary<string, double> Results { get; } = [];

    public int Errors { get; set; }

    protected PhaseRequest Request { get; } = request;

    protected abstract bool IsDone { get; }

    public static long Ticks(double seconds) => (long)(seconds * Stopwatch.Frequency);

    public static double Microseconds(long ticks) => ticks * 1e6 / Stopwatch.Frequency;

    /// <summary>Runs the loop until the measurement is done or its time limit has passed.</summary>
    protected void RunLoop(double seconds)
    {
        var givenUp = false;
        Loop.At(Stopwatch.GetTimestamp() + Ticks(seconds + s_patience.TotalSeconds), () => givenUp = true);
        Loop.Run(() => !IsDone && !givenUp);
        if (givenUp)
        {
            Results["given_up"] = 1;
        }
    }

    public abstract void Run();

    public virtual void Dispose() => Loop.Dispose();

    /// <summary>The percentiles, in microseconds, of times in timestamp ticks.</summary>
    protected void AddTimes(List<long> times)
    {
        if (times.Count == 0)
        {
            return;
        }

        times.Sort();
        Results["p50_us"] = Microseconds(times[times.Count / 2]);
        Results["p99_us"] = Microseconds(times[Math.Min(times.Count - 1, times.Count * 99 / 100)]);
        Results["max_us"] = Microseconds(times[^1]);
    }
}
