using OllamaProxy.Application.Supervision;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Workers;

/// <summary>
/// Renews the snapshot of Ollama when it expires (<see cref="OllamaWatch.GoodFor"/>), and soon after a poll was requested. One poll at a time, never on the
/// byte path.
/// </summary>
internal sealed partial class OllamaWatchWorker(OllamaWatch watch, OllamaOptions options, TimeProvider time, ILogger<OllamaWatchWorker> logger)
    : BackgroundService
{
    /// <summary>The shortest time between two polls.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private bool _isKnown = true;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.PollPeriod == TimeSpan.Zero)
        {
            return;
        }

        while (!stoppingToken.IsCancellationRequested)
        {
            await PollAsync(stoppingToken);
            await Task.Delay(s_pause, time, stoppingToken);
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var due = Task.Delay(watch.GoodFor(options.PollPeriod) - s_pause, time, waiting.Token);
            await Task.WhenAny(due, watch.WaitForRequestAsync(waiting.Token));
            await waiting.CancelAsync();
        }
    }

    private async Task PollAsync(CancellationToken cancellationToken)
    {
        try
        {
            LogChange(await watch.PollAsync(cancellationToken));
        }
        // An unexpected server in Ollama's place must not end the program.
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Log.Failed(logger, exception);
        }
    }

    /// <summary>Logs changes, not every poll.</summary>
    private void LogChange(OllamaSnapshot snapshot)
    {
        var isKnown = snapshot.IsUp == true;
        if (isKnown == _isKnown)
        {
            return;
        }

        _isKnown = isKnown;
        if (isKnown)
        {
            Log.Known(logger, snapshot.Version);
        }
        else
        {
            Log.Unknown(logger, snapshot.Problem);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "Ollama's loaded models are unknown: {Problem}")]
        public static partial void Unknown(ILogger logger, string? problem);

        [LoggerMessage(2, LogLevel.Information, "Ollama {Version} reports its loaded models again.")]
        public static partial void Known(ILogger logger, string? version);

        [LoggerMessage(3, LogLevel.Error, "The poll of Ollama's loaded models failed.")]
        public static partial void Failed(ILogger logger, Exception exception);
    }
}
