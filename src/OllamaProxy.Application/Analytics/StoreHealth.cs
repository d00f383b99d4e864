using Microsoft.Extensions.Logging;

namespace OllamaProxy.Application.Analytics;

/// <summary>Whether records are kept, for all who tell of it: the log, <c>/healthz</c>, <c>/metrics</c> and the page.</summary>
public sealed partial class StoreHealth(TimeProvider time, ILogger<StoreHealth> logger)
{
    /// <summary>Problems of one outage that are logged: their texts may take turns with every try.</summary>
    private const int MaxTold = 10;

    private readonly Lock _changing = new();
    private readonly HashSet<string> _told = [];
    private StoreProblem? _problem;

    /// <summary>Why records are not kept at present; null while they are.</summary>
    public StoreProblem? Problem => Volatile.Read(ref _problem);

    /// <summary>Records are not kept. Each problem of an outage is logged once.</summary>
    /// <param name="text">What happened and what to do, for a person.</param>
    /// <param name="exception">An unexpected failure, for the log.</param>
    public void Fail(string text, Exception? exception = null)
    {
        lock (_changing)
        {
            if (Problem?.Text == text)
            {
                return;
            }

            Volatile.Write(ref _problem, new StoreProblem(text, Problem?.Since ?? time.GetUtcNow()));
            if (_told.Count < MaxTold && _told.Add(text))
            {
                Log.Failed(logger, exception, text);
            }
        }
    }

    public void Recover()
    {
        if (Problem is null)
        {
            return;
        }

        lock (_changing)
        {
            if (Problem is { } problem)
            {
                Volatile.Write(ref _problem, null);
                _told.Clear();
                Log.Recovered(logger, Math.Round((time.GetUtcNow() - problem.Since).TotalSeconds, 1));
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            1, LogLevel.Error,
            "Records are not stored: {Problem} Clients are not affected. Records wait in memory, up to a limit, and the proxy retries.")]
        public static partial void Failed(ILogger logger, Exception? exception, string problem);

        [LoggerMessage(2, LogLevel.Information, "Records are stored again, after {Seconds} s.")]
        public static partial void Recovered(ILogger logger, double seconds);
    }
}

/// <param name="Text">What is wrong, for a person.</param>
/// <param name="Since">Since when records are not kept.</param>
public sealed record StoreProblem(string Text, DateTimeOffset Since);
