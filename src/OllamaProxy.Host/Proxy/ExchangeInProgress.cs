using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Proxy;

/// <summary>What is known of an exchange while it runs: the observers and the counts. One for each request, used by one request at a time.</summary>
internal sealed partial class ExchangeInProgress(HttpContext context, TimeProvider time, ILogger logger)
{
    private WireProtocol? _protocol;
    private IRequestReader? _requestReader;
    private IResponseReader? _responseReader;

    public string Id { get; } = Guid.CreateVersion7().ToString("N");

    public DateTimeOffset StartedAt { get; } = time.GetUtcNow();

    public long Started { get; } = time.GetTimestamp();

    /// <summary>The request target as it was sent.</summary>
    public string Target { get; } = context.Features.Get<IHttpRequestFeature>()!.RawTarget;

    public ApiEndpoint Endpoint { get; private set; } = ApiEndpoint.Other;

    public RelayEnd End { get; set; } = RelayEnd.NoAnswer;

    public int? StatusCode { get; private set; }

    public TimeSpan? TimeToHeaders { get; private set; }

    public long RequestBytes { get; private set; }

    public long ResponseBytes { get; private set; }

    /// <summary>Time in the waiting line; null for what does not need a slot.</summary>
    public TimeSpan? QueueTime { get; set; }

    /// <summary>Why we refused, in words; null when we did not.</summary>
    public string? Refusal { get; private set; }

    /// <summary>True once Ollama's status line is there: a body that has not been asked for by then is not asked for any more.</summary>
    public bool HasAnswer => TimeToHeaders is not null;

    public bool ExpectsContinue { get; } = context.Request.Headers.Expect.Count > 0;

    /// <summary>True when the answer's last word would have been seen.</summary>
    public bool KnowsTerminator => _responseReader is not null;

    /// <summary>True when Ollama would run a model for it, which it does for POST alone.</summary>
    public bool NeedsSlot => Endpoint.IsInference && HttpMethods.IsPost(context.Request.Method);

    private bool IsRead => HttpMethods.IsPost(context.Request.Method) || HttpMethods.IsDelete(context.Request.Method);

    /// <summary>Chooses the readers. A method that Ollama does not serve there (GET /api/generate) is no inference, and has nothing to read.</summary>
    public void Begin()
    {
        Endpoint = ApiEndpoint.FromPath(Target);
        _protocol = WireProtocols.Of(Endpoint);
        _requestReader = IsRead ? _protocol.CreateRequestReader(Endpoint) : null;
    }

    public byte[] ErrorBody(int statusCode, string message) => _protocol!.ErrorBody(statusCode, message);

    public void ObserveRequest(ReadOnlySpan<byte> bytes)
    {
        RequestBytes += bytes.Length;
        if (_requestReader is { } reader)
        {
            try
            {
                reader.Read(bytes);
            }
            // A fault in an observer switches the observer off, never the stream.
            catch (Exception exception)
            {
                _requestReader = null;
                Log.ReaderFailed(logger, exception, "request", Endpoint.Label);
            }
        }
    }

    /// <param name="statusCode">Ollama's status.</param>
    /// <param name="contentType">Its Content-Type.</param>
    /// <param name="isEncoded">The body is compressed, which only answers of cloud models are: it passes unread.</param>
    public void ObserveHead(int statusCode, string? contentType, bool isEncoded)
    {
        StatusCode = statusCode;
        TimeToHeaders = time.GetElapsedTime(Started);
        _responseReader = IsRead && !isEncoded ? _protocol!.CreateResponseReader(Endpoint, new ResponseHead(statusCode, contentType, Started)) : null;
    }

    /// <summary>Our own answer, where Ollama gave none.</summary>
    public void Refused(int statusCode, string? why = null) => (StatusCode, Refusal) = (statusCode, why);

    public void ObserveResponse(ReadOnlySpan<byte> data)
    {
        ResponseBytes += data.Length;
        if (_responseReader is { } reader)
        {
            try
            {
                reader.Read(data, time.GetTimestamp());
            }
            catch (Exception exception)
            {
                _responseReader = null;
                Log.ReaderFailed(logger, exception, "response", Endpoint.Label);
            }
        }
    }

    public RequestFacts CompleteRequest() => Complete("request", RequestFacts.Unknown, () => _requestReader?.Complete());

    public ResponseFacts CompleteResponse() => Complete("response", ResponseFacts.Unknown, () => _responseReader?.Complete(time, End == RelayEnd.Whole));

    private T Complete<T>(string side, T unknown, Func<T?> complete)
        where T : class
    {
        try
        {
            return complete() ?? unknown;
        }
        catch (Exception exception)
        {
            Log.ReaderFailed(logger, exception, side, Endpoint.Label);
            return unknown;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The reader of a {Side} body of {Endpoint} failed and was switched off; the bytes pass on.")]
        public static partial void ReaderFailed(ILogger logger, Exception exception, string side, string endpoint);
    }
}
