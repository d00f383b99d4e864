using MediatR;
using Microsoft.Extensions.Logging;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>One line for each request: never a text of a prompt or an answer, and nothing a sender could disguise as lines of ours.</summary>
internal sealed partial class LogRequest(ILogger<LogRequest> logger) : INotificationHandler<RequestRecorded>
{
    /// <summary>Characters of a path or a name that are shown.</summary>
    private const int MaxShown = 120;

    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        if (logger.IsEnabled(LogLevel.Information))
        {
            var record = notification.Record;
            Log.Request(
                logger, Plain(record.Method), Plain(PathOf(record.Target)), Plain(record.Model ?? "-"), record.StatusCode, record.Outcome, record.InputTokens, record.OutputTokens,
                Math.Round(record.Latency.TotalSeconds, 3), record.ClientIp);
        }

        return Task.CompletedTask;
    }

    /// <summary>Without the query, where clients put keys.</summary>
    private static string PathOf(string? target) => target?.Split('?', 2)[0] ?? "-";

    private static string Plain(string text) => PlainText.Of(text.Length > MaxShown ? $"{TextCut.Beginning(text, MaxShown)}…" : text);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Method} {Path} {Model} {StatusCode} {Outcome}, tokens {InputTokens} in {OutputTokens} out, {Seconds} s, from {Client}")]
        public static partial void Request(
            ILogger logger, string method, string path, string model, int? statusCode, string outcome, int? inputTokens, int? outputTokens, double seconds, string? client);
    }
}
