using OllamaProxy.Host.Upstream;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// The two hooks that YARP's forwarder calls. YARP's own copying would drop hop-by-hop headers and add forwarding headers, and so the client would notice it.
/// Here <see cref="RequestSender"/> writes the request, and <see cref="ResponseRelay"/> the response.
/// </summary>
internal sealed class ForwarderHooks(ExchangeInProgress exchange, Uri backend) : HttpTransformer
{
    public RelayEnd End { get; private set; } = RelayEnd.NoAnswer;

    public override ValueTask TransformRequestAsync(
        HttpContext context, HttpRequestMessage request, string destinationPrefix, CancellationToken cancellationToken)
    {
        // YARP builds a URI from the prefix unless one is set. RequestSender writes the real target.
        request.RequestUri = backend;
        return ValueTask.CompletedTask;
    }

    /// <summary>Relays the response, and nothing else. Returns false, so YARP copies no body.</summary>
    public override async ValueTask<bool> TransformResponseAsync(HttpContext context, HttpResponseMessage? response, CancellationToken cancellationToken)
    {
        if (response is UpstreamResponse upstream)
        {
            try
            {
                End = await ResponseRelay.RunAsync(context, upstream, exchange, cancellationToken);
            }
            finally
            {
                await upstream.FinishAsync();
            }
        }

        return false;
    }
}
