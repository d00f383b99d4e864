namespace OllamaProxy.Domain;

/// <summary>How an exchange ended: by the terminator of the protocol and by the side that closed first, never by the HTTP status alone.</summary>
public enum ExchangeOutcome
{
    /// <summary>The whole response arrived: a plain one to its last byte, a stream to its terminator.</summary>
    Completed,

    /// <summary>Ollama answered with an error: a status of 400 or more, or an error line inside a 200 stream.</summary>
    UpstreamError,

    /// <summary>The response ended, or was cut, without its terminator.</summary>
    Incomplete,

    /// <summary>The client disconnected first.</summary>
    ClientCancelled,

    /// <summary>No response: refused, reset before the status line, or garbage instead of HTTP.</summary>
    UpstreamUnreachable,

    /// <summary>The proxy itself refused, for example because its queue was full.</summary>
    Rejected,

    /// <summary>The proxy was stopped while the exchange ran.</summary>
    ProxyStopped,
}

/// <summary>The names under which outcomes are stored, exported and counted.</summary>
public static class ExchangeOutcomes
{
    public static ClosedSet<ExchangeOutcome> Set { get; } = new(Name);

    /// <summary>All values of <see cref="Status"/>.</summary>
    public static IReadOnlyList<string> Statuses { get; } = [.. Enum.GetValues<ExchangeOutcome>().Select(Status).Distinct()];

    /// <summary>The value of the <c>status</c> label and field: <c>success</c>, <c>cancelled</c> (the client disconnected) or <c>error</c>.</summary>
    public static string Status(this ExchangeOutcome outcome) => outcome switch
    {
        ExchangeOutcome.Completed => "success",
        ExchangeOutcome.ClientCancelled => "cancelled",
        _ => "error",
    };

    /// <summary>The stored name, in snake case as every other stored word.</summary>
    public static string Name(this ExchangeOutcome outcome) => outcome switch
    {
        ExchangeOutcome.Completed => "completed",
        ExchangeOutcome.UpstreamError => "upstream_error",
        ExchangeOutcome.Incomplete => "incomplete",
        ExchangeOutcome.ClientCancelled => "client_cancelled",
        ExchangeOutcome.UpstreamUnreachable => "upstream_unreachable",
        ExchangeOutcome.Rejected => "rejected",
        ExchangeOutcome.ProxyStopped => "proxy_stopped",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "An outcome without a name."),
    };
}
