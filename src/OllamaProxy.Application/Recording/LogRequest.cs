using System.Buffers;
using MediatR;
using Microsoft.Extensions.Logging;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>One line for each request: never a text of a prompt or an answer, and nothing a sender could disguise as lines of ours.</summary>
internal sealed partial class LogRequest(ILogger<LogRequest> logger) : INotificationHandler<RequestRecorded>
{
    /// <summary>Characters of a path or a name that are shown.</summary>
    private const int MaxShown = 120;

    /// <summary>What moves a terminal's cursor or changes its colours, and what ends a line in some reader of logs.</summary>
    private static readonly SearchValues<char> s_control = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7f, 0x21)).Concat([0x2028, 0x2029, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069]).Select(code => (char)code)]);

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

    private static string Plain(string text)
    {
        text = text.Length > MaxShown ? $"{TextCut.Beginning(text, MaxShown)}…" : text;
        return text.AsSpan().ContainsAny(s_control) ? string.Concat(text.Select(character => s_control.Contains(character) ? '\ufffd' : character)) : text;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Method} {Path} {Model} {StatusCode} {Outcome}, tokens {InputTokens} in {OutputTokens} out, {Seconds} s, from {Client}")]
        public static partial void Request(
            ILogger logger, string method, string path, string model, int? statusCode, string outcome, int? inputTokens, int? outputTokens, double seconds, string? client);
    }
}
