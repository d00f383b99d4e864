namespace OllamaProxy.Application.Supervision;

/// <summary>The durations and counts of <see cref="OllamaLife"/>.</summary>
public sealed record OllamaLifeRules
{
    /// <summary>Between two checks of a healthy Ollama. Default 30 s.</summary>
    public TimeSpan CheckPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Consecutive failed checks after which our child is replaced. One proves little: the machine may have slept or swapped.</summary>
    public int FailedChecks { get; init; } = 3;

    /// <summary>Between two checks of a child that was just started: short, because requests wait.</summary>
    public TimeSpan StartingCheckPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The same after <see cref="StartPatience"/>, and for an external Ollama that does not answer.</summary>
    public TimeSpan WaitingCheckPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long the first start may take before the proxy opens its port anyway. A failure within it is a wrong setting or a broken installation and ends the
    /// program with the reason; a later failure is a crash.
    /// </summary>
    public TimeSpan StartPatience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a child may run without answering once. GPU discovery takes up to 30 s for each broken driver.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A child that was ready for this long resets the failure count.</summary>
    public TimeSpan StableAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Consecutive failures that make a crash loop.</summary>
    public int CrashLoopAfter { get; init; } = 5;

    /// <summary>The pause before the second consecutive restart; it doubles with each further one.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The pause before a restart: none after the first failure, because most crashes happen once and clients wait; then doubling.</summary>
    /// <param name="failures">Consecutive failures, at least 1.</param>
    public TimeSpan PauseAfter(int failures) =>
        failures <= 1 ? TimeSpan.Zero : TimeSpan.FromTicks((long)Math.Min(LongestPause.Ticks, FirstPause.Ticks * Math.Pow(2, failures - 2)));
}
