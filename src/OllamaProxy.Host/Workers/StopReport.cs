using OllamaProxy.Domain;
using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Workers;

/// <summary>Reports which requests a stop waits for and how it ended, in the log and on a terminal that does not show the log.</summary>
internal sealed partial class StopReport(RunningRequests running, LogOptions log, ILogger<StopReport> logger)
{
    private int _awaited;
    private int _refused;
    private int _cut;
    private volatile bool _isAtOnce;

    public void ReportDelay(TimeSpan delay) => Report($"Stopping: accepting requests for another {delay.TotalSeconds:0} s (SHUTDOWN_DELAY_SECONDS).");

    public void ReportBegin(TimeSpan grace)
    {
        var (active, queued) = running.CountByPhase();
        _awaited = active + queued;
        Report(_awaited == 0
            ? "Stopping: no request is running."
            : $"Stopping: waiting up to {grace.TotalSeconds:0} s for "
                + $"{Amount.Of(active, "running request")}{(queued == 0 ? "" : $" and {Amount.Of(queued, "queued request")}")}. "
              + "A second Ctrl+C stops at once.");
    }

    /// <summary>Called after the grace period: queued requests are answered with 503, running ones are cut.</summary>
    public void CountUnfinished() => (_cut, _refused) = running.CountByPhase();

    public void ReportEnd()
    {
        if (_awaited > 0 && !_isAtOnce)
        {
            Report(_cut + _refused == 0
                ? $"{Amount.Of(_awaited, "request")} finished, none cut."
                : $"The grace period is over (SHUTDOWN_GRACE_SECONDS): {Amount.Of(_cut, "running request")} cut, {Amount.Of(_refused, "queued request")} "
                    + "refused, "
                  + $"{Math.Max(0, _awaited - _cut - _refused):N0} finished.");
        }
    }

    public void ReportEndAtOnce()
    {
        _isAtOnce = true;
        Report($"Stopped at once by a second Ctrl+C: {Amount.Of(running.Count, "request")} cut.");
    }

    private void Report(string message)
    {
        Log.Stop(logger, message);
        if (log.IsConsole && !logger.IsEnabled(LogLevel.Information))
        {
            Terminal.TryWrite(message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Message}")]
        public static partial void Stop(ILogger logger, string message);
    }
}
