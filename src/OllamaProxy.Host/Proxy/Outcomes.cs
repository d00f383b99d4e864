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

/// <summary>
/// Says how an exchange ended. The answer itself decides first: an error in it is an error and a terminator completes it, whoever closes a connection
/// afterwards. Only an answer without either is judged by who closed first.
/// </summary>
internal static class Outcomes
{
    public static ExchangeOutcome Classify(
        ForwarderError error, RelayEnd end, int? status, ResponseFacts facts, bool expectsTerminator, bool clientLeft, bool stopping) => end switch
    {
        RelayEnd.Refused => ExchangeOutcome.Rejected,
        RelayEnd.Stopped => ExchangeOutcome.ProxyStopped,
        RelayEnd.NoAnswer => clientLeft || IsClients(error) ? Left(stopping) : ExchangeOutcome.UpstreamUnreachable,
        _ when status >= 400 || facts.Error is not null => ExchangeOutcome.UpstreamError,
        _ when facts.Terminated => ExchangeOutcome.Completed,
        // An answer that could not be read may have had its terminator, so its framing has to do.
        RelayEnd.Whole => expectsTerminator && facts.Failure is null ? ExchangeOutcome.Incomplete : ExchangeOutcome.Completed,
        RelayEnd.CutByUpstream when !clientLeft && !IsClients(error) => ExchangeOutcome.Incomplete,
        _ => Left(stopping),
    };

    private static ExchangeOutcome Left(bool stopping) => stopping ? ExchangeOutcome.ProxyStopped : ExchangeOutcome.ClientCancelled;

    private static bool IsClients(ForwarderError error) => error is
        ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.RequestBodyClient or
        ForwarderError.ResponseBodyCanceled or ForwarderError.ResponseBodyClient;
}
