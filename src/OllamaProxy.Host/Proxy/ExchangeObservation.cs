using System.Buffers;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;
using OllamaProxy.Host.Decoding;

namespace OllamaProxy.Host.Proxy;

/// <summary>The readers of one exchange's bodies. A reader that fails is switched off; the bytes pass on.</summary>
internal sealed partial class ExchangeObservation(ApiEndpoint endpoint, DecoderBudget decoders, ILogger logger)
{
    private readonly WireProtocol _protocol = WireProtocols.Of(endpoint);

    /// <summary>One thread sends and reads the request; another passes the response on and completes the request's facts.</summary>
    private readonly Lock _reading = new();
    private bool _isRequestComplete;
    private IRequestReader? _requestReader;
    private IResponseReader? _responseReader;
    private bool _hasRequestReaderFailed;
    private bool _hasResponseReaderFailed;
    private bool _isStream;

    public long RequestBytes { get; private set; }

    public long ResponseBytes { get; private set; }

    /// <summary>Bytes of the request that were observed while they waited in the server's pipe.</summary>
    public long BytesAhead { get; set; }

    public string? Model => _requestReader?.Model;

    public int Pieces => _responseReader?.Pieces ?? 0;

    /// <summary>True when a reader would have seen the response's terminator.</summary>
    public bool KnowsTerminator => _responseReader is not null;

    public bool AwaitsContent => Pieces == 0 && _responseReader is not null && !_hasResponseReaderFailed;

    // Few compressed bytes may expand to many, so decoding must not run on a socket thread.
    public bool DecodesRequest => _requestReader is DecodedRequestReader;
    public bool DecodesResponse => _responseReader is DecodedResponseReader;

    public byte[] ErrorBody(int statusCode, string message) => _protocol.ErrorBody(statusCode, message);

    public void BeginRequest(HttpRequest request)
    {
        if (_protocol.CreateRequestReader(endpoint, request.ContentType) is { } reader)
        {
            var encodings = BodyDecoder.EncodingsOf(request.Headers.ContentEncoding);
            _requestReader = encodings.Length > 0 ? new DecodedRequestReader(reader, new BodyDecoder(encodings, decoders)) : reader;
        }
    }

    public void ObserveRequest(ReadOnlySequence<byte> bytes)
    {
        lock (_reading)
        {
            // Bytes that arrive after the client disconnected are ignored.
            RequestBytes += _isRequestComplete ? 0 : bytes.Length;
            try
            {
                foreach (var segment in bytes)
                {
                    if (!_isRequestComplete && !_hasRequestReaderFailed)
                    {
                        _requestReader?.Read(segment.Span);
                    }
                }
            }
            catch (Exception exception)
            {
                _hasRequestReaderFailed = true;
                Log.ReaderFailed(logger, exception, "request", endpoint.Label);
            }
        }
    }

    /// <summary>Frees the decoder once the whole request was observed: its slot and its response may take minutes.</summary>
    public void ReleaseDecoder()
    {
        if (_requestReader is DecodedRequestReader decoded)
        {
            lock (_reading)
            {
                decoded.Release();
            }
        }
    }

    public void BeginResponse(ResponseHead head, string? encoding, bool isRead)
    {
        _isStream = head.IsStream;
        if (isRead && _protocol.CreateResponseReader(endpoint, head) is { } reader)
        {
            var encodings = BodyDecoder.EncodingsOf(encoding);
            _responseReader = encodings.Length > 0 ? new DecodedResponseReader(reader, new BodyDecoder(encodings, decoders)) : reader;
        }
    }

    public void ObserveResponse(ReadOnlySpan<byte> data, long arrived)
    {
        ResponseBytes += data.Length;
        if (_hasResponseReaderFailed)
        {
            return;
        }

        try
        {
            _responseReader?.Read(data, arrived);
        }
        catch (Exception exception)
        {
            _hasResponseReaderFailed = true;
            Log.ReaderFailed(logger, exception, "response", endpoint.Label);
        }
    }

    public RequestFacts CompleteRequest()
    {
        lock (_reading)
        {
            _isRequestComplete = true;
            try
            {
                if (!_hasRequestReaderFailed)
                {
                    return _requestReader?.Complete() ?? RequestFacts.Unknown;
                }
            }
            catch (Exception exception)
            {
                Log.ReaderFailed(logger, exception, "request", endpoint.Label);
            }

            return new RequestFacts { Failure = ParseFailure.ReaderFailed };
        }
    }

    public ResponseFacts CompleteResponse(ExchangeTimings timings, bool isWhole)
    {
        var facts = ReadResponse(timings, isWhole);
        // The head decides for a response that could not be read.
        if (_isStream && !facts.Streamed && (_responseReader is null || facts.Failure is not null))
        {
            facts = facts with { Streamed = true };
        }

        if (facts is not { Terminated: false, TimeToFirstToken: not null } || timings.IsHeldUp)
        {
            return facts;
        }

        // The reader does not see the silence before a cut, because no chunk ends it.
        var silence = timings.Clock.GetElapsedTime(timings.LastHeard);
        return silence > facts.LongestGap.GetValueOrDefault() ? facts with { LongestGap = silence } : facts;
    }

    private ResponseFacts ReadResponse(ExchangeTimings timings, bool isWhole)
    {
        var facts = ResponseFacts.Unknown;
        try
        {
            facts = _responseReader?.Complete(timings.Clock, isWhole) ?? facts;
        }
        catch (Exception exception)
        {
            _hasResponseReaderFailed = true;
            Log.ReaderFailed(logger, exception, "response", endpoint.Label);
        }

        return _hasResponseReaderFailed ? ResponseFacts.Unread(ParseFailure.ReaderFailed, facts.Error) : facts;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The reader of a {Side} body of {Endpoint} failed and was switched off; the bytes pass on.")]
        public static partial void ReaderFailed(ILogger logger, Exception exception, string side, string endpoint);
    }
}
