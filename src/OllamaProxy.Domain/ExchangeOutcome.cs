namespace OllamaProxy.Domain;

/// <summary>How an exchange ended. Told by the terminal marker of the protocol and by who closed first, never by the HTTP status alone.</summary>
public enum ExchangeOutcome
{
    /// <summary>The answer arrived whole: a plain answer to its last byte, a stream to its terminal marker.</summary>
    Completed,

    /// <summary>Ollama answered with an error: a status of 400 or more, or an error line inside a 200 stream.</summary>
    UpstreamError,

    /// <summary>The answer ended, or was cut, without its terminal marker.</summary>
    Incomplete,

    /// <summary>The client left first.</summary>
    ClientCancelled,

    /// <summary>No answer could be had: refused, reset before the status line, or garbage instead of HTTP.</summary>
    UpstreamUnreachable,

    /// <summary>The proxy itself refused, for example because its queue was full.</summary>
    Rejected,

    /// <summary>The proxy was stopped while the exchange ran.</summary>
    ProxyStopped,
}

/// <summary>The names under which outcomes are stored, exported and counted.</summary>
public static class ExchangeOutcomes
{
    /// <summary>The value of the <c>status</c> label and field: <c>success</c>, <c>cancelled</c> (the client left) or <c>error</c>.</summary>
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
