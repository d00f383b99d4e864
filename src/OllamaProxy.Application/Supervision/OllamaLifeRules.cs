namespace OllamaProxy.Application.Supervision;

/// <summary>The times and counts by which <see cref="OllamaLife"/> decides.</summary>
public sealed record OllamaLifeRules
{
    /// <summary>Between two checks of an Ollama that is well. Default 30 s.</summary>
    public TimeSpan CheckPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Failed checks in a row after which our child is replaced. One alone proves little: the machine may have slept, or swapped.</summary>
    public int FailedChecks { get; init; } = 3;

    /// <summary>Between two checks of a child that has just been started: short, because requests wait.</summary>
    public TimeSpan StartingCheckPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The same once <see cref="StartPatience"/> is over, and for an external Ollama that is gone.</summary>
    public TimeSpan WaitingCheckPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long the very first start is waited for. What fails within it is a wrong setting or a broken installation, and ends the program with the reason;
    /// what fails later is a crash. Afterwards the proxy opens its port anyway.
    /// </summary>
    public TimeSpan StartPatience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a child may run without a single answer. Looking for graphics cards takes up to half a minute for each broken driver.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A child that was ready for this long has not been crashing: what went before is forgotten.</summary>
    public TimeSpan StableAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Failures in a row that make a crash loop.</summary>
    public int CrashLoopAfter { get; init; } = 5;

    /// <summary>The pause before the second restart in a row; it doubles with each further one.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The pause before another start: none after the first failure, because most crashes happen once and clients wait; then doubling.</summary>
    /// <param name="failures">Failures in a row, at least 1.</param>
    public TimeSpan PauseAfter(int failures) =>
        failures <= 1 ? TimeSpan.Zero : TimeSpan.FromTicks((long)Math.Min(LongestPause.Ticks, FirstPause.Ticks * Math.Pow(2, failures - 2)));
}
