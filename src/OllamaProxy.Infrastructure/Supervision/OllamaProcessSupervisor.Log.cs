using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Logs each change in Ollama's life as one line.</summary>
internal sealed partial class OllamaProcessSupervisor
{
    private void LogChange(OllamaEvent happened, OllamaState before, IReadOnlyList<OllamaCommand> commands)
    {
        var after = _life.State;
        switch (happened.Happening)
        {
            case OllamaEventKind.NotAnswered when after == OllamaState.Unhealthy && before != after:
                Log.NoAnswer(_logger, _backend);
                break;
            case OllamaEventKind.NotAnswered when before != after:
                Log.Unhealthy(_logger, _child?.Id);
                break;
            case OllamaEventKind.Answered when before == OllamaState.Unhealthy:
                Log.AnswersAgain(_logger, _backend);
                break;
            case OllamaEventKind.Silent when before != after:
                Log.Hung(_logger, _child?.Id, (long)_options.HangAfter.TotalSeconds);
                break;
            // The caller of a failed start reports it and ends the program.
            case OllamaEventKind.Gone or OllamaEventKind.NotLaunched when !commands.Any(static command => command.Action == OllamaAction.GiveUp):
                LogFailure(after);
                break;
        }
    }

    private void LogFailure(OllamaState after)
    {
        if (Interlocked.Exchange(ref _problem, null) is { } problem)
        {
            Log.Problem(_logger, problem);
        }

        var pause = (long)_rules.PauseAfter(_life.Failures).TotalSeconds;
        if (after == OllamaState.CrashLoop)
        {
            Log.CrashLoop(_logger, _life.Failures, pause);
        }
        else if (after == OllamaState.Restarting)
        {
            Log.Pausing(_logger, pause);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(11, LogLevel.Information, "Ollama {Version} is ready after {Milliseconds} ms.")]
        public static partial void Ready(ILogger logger, string version, long milliseconds);

        [LoggerMessage(12, LogLevel.Warning, "Ollama (process {ProcessId}) does not answer yet. Requests wait until it does.")]
        public static partial void StillStarting(ILogger logger, int? processId);

        [LoggerMessage(13, LogLevel.Error, "{What}")]
        public static partial void Problem(ILogger logger, string what);

        [LoggerMessage(14, LogLevel.Error, "Ollama (process {ProcessId}) was killed but still exists. A new one starts when it is gone.")]
        public static partial void StillThere(ILogger logger, int processId);

        [LoggerMessage(15, LogLevel.Warning, "Ollama at {Backend} does not answer.")]
        public static partial void NoAnswer(ILogger logger, Uri backend);

        [LoggerMessage(16, LogLevel.Information, "Ollama at {Backend} answers again.")]
        public static partial void AnswersAgain(ILogger logger, Uri backend);

        [LoggerMessage(17, LogLevel.Error, "Ollama (process {ProcessId}) did not answer its health checks. It is being restarted.")]
        public static partial void Unhealthy(ILogger logger, int? processId);

        [LoggerMessage(18, LogLevel.Error,
            "Ollama (process {ProcessId}) sent no byte of any inference for {Seconds} s (OLLAMA_HANG_SECONDS). It is being restarted.")]
        public static partial void Hung(ILogger logger, int? processId, long seconds);

        [LoggerMessage(19, LogLevel.Information, "Restarting Ollama: {Reason}.")]
        public static partial void StartingAgain(ILogger logger, string reason);

        [LoggerMessage(20, LogLevel.Warning, "Ollama restarts in {Seconds} s.")]
        public static partial void Pausing(ILogger logger, long seconds);

        [LoggerMessage(21, LogLevel.Error,
            "Ollama is in a crash loop: it failed {Failures} times in a row. Requests fail at once instead of waiting. Next attempt in {Seconds} s.")]
        public static partial void CrashLoop(ILogger logger, int failures, long seconds);

        [LoggerMessage(22, LogLevel.Critical, "Supervision failed, so Ollama is no longer restarted. Restart the proxy.")]
        public static partial void Broken(ILogger logger, Exception exception);
    }
}
