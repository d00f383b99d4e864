using OllamaProxy.Domain;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>How far the answer came on its way to the client.</summary>
internal enum RelayEnd
{
    /// <summary>No status line came from Ollama.</summary>
    NoAnswer,

    /// <summary>We answered in Ollama's place, which never heard of it.</summary>
    Refused,

    /// <summary>The proxy was stopped before Ollama was asked.</summary>
    Stopped,

    /// <summary>Ollama's body ended as its framing said it would.</summary>
    Whole,

    /// <summary>Ollama's connection ended before the body did.</summary>
    CutByUpstream,

    /// <summary>The client's connection ended first.</summary>
    CutByClient,
}

/// <summary>Says how an exchange ended, from who closed first and from the protocol's last word; a status alone proves nothing.</summary>
internal static class Outcomes
{
    public static ExchangeOutcome Classify(ForwarderError error, RelayEnd end, int? status, ResponseFacts facts, bool expectsTerminator, bool clientLeft, bool stopping)
    {
        if (end == RelayEnd.Refused)
        {
            return ExchangeOutcome.Rejected;
        }

        if (end == RelayEnd.Stopped)
        {
            return ExchangeOutcome.ProxyStopped;
        }

        // The last byte counts: a client that closes right after a whole answer got all it asked for.
        if (end == RelayEnd.Whole)
        {
            return
                status >= 400 || facts.Error is not null ? ExchangeOutcome.UpstreamError :
                expectsTerminator && !facts.Terminated ? ExchangeOutcome.Incomplete :
                ExchangeOutcome.Completed;
        }

        if (clientLeft || end == RelayEnd.CutByClient || IsClients(error))
        {
            return stopping ? ExchangeOutcome.ProxyStopped : ExchangeOutcome.ClientCancelled;
        }

        return end == RelayEnd.CutByUpstream
            ? facts.Error is not null ? ExchangeOutcome.UpstreamError : ExchangeOutcome.Incomplete
            : ExchangeOutcome.UpstreamUnreachable;
    }

    private static bool IsClients(ForwarderError error) => error is
        ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.RequestBodyClient or
        ForwarderError.ResponseBodyCanceled or ForwarderError.ResponseBodyClient;
}
