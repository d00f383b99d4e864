using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace OllamaProxy.Bench.Upstream;

/// <summary>
/// Computes tokens like an inference engine that shares all CPUs with the proxy: a token takes the same work on each CPU and is done when the slowest is. So
/// CPU time of the proxy costs tokens.
/// </summary>
internal sealed class Engine
{
    private static readonly Barrier s_together = new(Environment.ProcessorCount);

    private readonly int _steps;

    /// <param name="rate">Tokens a second on an idle machine.</param>
    public Engine(int rate)
    {
        for (var helper = 1; helper < Environment.ProcessorCount; helper++)
        {
            new Thread(Help) { IsBackground = true }.Start();
        }

        const int Trial = 200_000;
        _steps = Trial;
        var trials = Enumerable.Range(0, 200).Select(_ => Time(Compute)).Order().ToArray();
        // The fastest tenth ran without interference.
        _steps = (int)(Trial * (Stopwatch.Frequency / (double)rate) / trials[trials.Length / 10]);
    }

    /// <summary>Computes one token.</summary>
    public void Compute()
    {
        s_together.SignalAndWait();
        Work();
        s_together.SignalAndWait();
    }

    private static long Time(Action action)
    {
        var begun = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetTimestamp() - begun;
    }

    private void Help()
    {
        while (true)
        {
            Compute();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Work()
    {
        var state = 1UL;
        for (var step = 0; step < _steps; step++)
        {
            state = (state ^ (state << 13)) * 0x9E3779B97F4A7C15;
        }

        GC.KeepAlive(state);
    }
}
