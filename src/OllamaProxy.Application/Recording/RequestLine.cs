using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>The part of a record that the log shows: no prompt, response or query string, and no terminal control characters. Null is unknown.</summary>
public sealed class RequestLine(RequestRecord record)
{
    /// <summary>Clients choose paths and names, so their length is limited.</summary>
    private const int MaxShown = 120;

    public string RequestId => record.RequestId;

    public string Method => Plain(record.Method)!;

    /// <summary>Without the query, where clients put keys.</summary>
    public string? Path
    {
        get
        {
            var query = record.Target?.IndexOf('?', StringComparison.Ordinal) ?? -1;
            return Plain(query < 0 ? record.Target : record.Target![..query]);
        }
    }

    public string Endpoint => record.Endpoint.Label;

    public string? Model => Plain(record.Model);

    public int? StatusCode => record.StatusCode;

    /// <summary><see cref="ExchangeOutcomes.Status"/>.</summary>
    public string Status => record.Status;

    public string Outcome => record.Outcome.Name();

    public string? ErrorType => record.ErrorType?.Name();

    public int? InputTokens => record.InputTokens;

    public int? CachedInputTokens => record.CachedInputTokens;

    public int? OutputTokens => record.OutputTokens;

    public bool TokensEstimated => record.TokensEstimated;

    public double? TokensPerSecond => record.TokensPerSecond;

    public bool SpeedEstimated => record.SpeedEstimated;

    public TimeSpan Duration => record.Latency;

    public TimeSpan? TimeToFirstToken => record.TimeToFirstToken;

    public TimeSpan? QueueTime => record.QueueTime;

    public TimeSpan? LoadDuration => record.LoadDuration;

    public string? Application => Plain(record.Application);

    public string? Client => Plain(record.ClientIp);

    /// <summary>The line for logs with their own layout, such as the Windows Event Log.</summary>
    public override string ToString() => $"{Method} {Path} {StatusCode} {Outcome}";

    private static string? Plain(string? text) => text is null ? null : PlainText.Of(text.Length > MaxShown ? $"{TextCut.Beginning(text, MaxShown)}…" : text);
}
