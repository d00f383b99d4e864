using OllamaProxy.Domain;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>How far the response came on its way to the client.</summary>
internal enum RelayEnd
{
    /// <summary>No status line came from Ollama.</summary>
    NoAnswer,

    /// <summary>The proxy replied; Ollama never got the request.</summary>
    Refused,

    /// <summary>The proxy stopped before Ollama answered.</summary>
    Stopped,

    /// <summary>Ollama's body ended as its framing said it would.</summary>
    Whole,

    /// <summary>Ollama's connection ended before the body did.</summary>
    CutByUpstream,

    /// <summary>The client's connection ended first.</summary>
    CutByClient,

    /// <summary>The proxy stopped, and the grace for running requests was over.</summary>
    CutByProxy,
}

/// <summary>
/// Decides how an exchange ended. The response decides first: an error in it is an error, and its terminator completes it, whichever side closes next. Only a
/// response without either is judged by the side that closed first.
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
        // An unreadable response may have had its terminator, so its framing decides.
        RelayEnd.CutByProxy => ExchangeOutcome.ProxyStopped,
        RelayEnd.Whole => expectsTerminator && facts.Failure is null ? ExchangeOutcome.Incomplete : ExchangeOutcome.Completed,
        RelayEnd.CutByUpstream when !clientLeft && !IsClients(error) => ExchangeOutcome.Incomplete,
        _ => Left(stopping),
    };

    private static ExchangeOutcome Left(bool stopping) => stopping ? ExchangeOutcome.ProxyStopped : ExchangeOutcome.ClientCancelled;

    private static bool IsClients(ForwarderError error) => error is
        ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.RequestBodyClient or
        ForwarderError.ResponseBodyCanceled or ForwarderError.ResponseBodyClient;
}
