using System.Collections;
using System.Globalization;
using MediatR;
using Microsoft.Extensions.Logging;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>One line for each request: never a text of a prompt or an answer, and nothing a sender could disguise as lines of ours.</summary>
internal sealed class LogRequest(ILogger<LogRequest> logger) : INotificationHandler<RequestRecorded>
{
    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        if (logger.IsEnabled(LogLevel.Information))
        {
            logger.Log(LogLevel.Information, new EventId(1, "Request"), new RequestLine(notification.Record), null, static (line, _) => line.ToString());
        }

        return Task.CompletedTask;
    }
}

/// <summary>The line as text, and its parts by name for a log of JSON. A part that is not known is left out of the text, and null in JSON.</summary>
internal sealed class RequestLine(RequestRecord record) : IReadOnlyList<KeyValuePair<string, object?>>
{
    /// <summary>Characters of a path or a name that are shown.</summary>
    private const int MaxShown = 120;

    private readonly KeyValuePair<string, object?>[] _parts =
    [
        new("Method", Plain(record.Method)),
        // Without the query, where clients put keys.
        new("Path", Plain(record.Target?.Split('?', 2)[0])),
        new("Model", Plain(record.Model)),
        new("StatusCode", record.StatusCode),
        new("Outcome", record.Outcome),
        new("InputTokens", record.InputTokens),
        new("OutputTokens", record.OutputTokens),
        new("Seconds", Math.Round(record.Latency.TotalSeconds, 3)),
        new("Client", record.ClientIp),
    ];

    public int Count => _parts.Length;

    public KeyValuePair<string, object?> this[int index] => _parts[index];

    public override string ToString()
    {
        var (input, output) = (record.InputTokens, record.OutputTokens);
        string?[] head = [Text("Method"), Text("Path"), Text("Model"), Text("StatusCode"), record.Outcome];
        string?[] line =
        [
            string.Join(' ', head.Where(static part => part is not null)),
            input is null && output is null ? null : Invariant($"tokens {(input is { } known ? known : "-")} in {(output is { } written ? written : "-")} out"),
            Invariant($"{Text("Seconds")} s"),
            record.ClientIp is { } client ? $"from {client}" : null,
        ];
        return string.Join(", ", line.Where(static part => part is not null));
    }

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => _parts.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static string? Plain(string? text) => text is null ? null : PlainText.Of(text.Length > MaxShown ? $"{TextCut.Beginning(text, MaxShown)}…" : text);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private string? Text(string name) =>
        Convert.ToString(Array.Find(_parts, part => part.Key == name).Value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;
}
