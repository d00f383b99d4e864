using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Proxy;

/// <summary>What is known of an exchange while it runs: the observers and the counts. One for each request, used by one request at a time.</summary>
internal sealed partial class ExchangeInProgress(HttpContext context, RunningRequests running, DecoderBudget decoders, TimeProvider time, ILogger logger)
{
    private readonly Lock _reading = new();
    private ConcurrencyGate? _gate;
    private Admission _admission;
    private bool _isRequestComplete;
    private WireProtocol? _protocol;
    private IRequestReader? _requestReader;
    private IResponseReader? _responseReader;
    private bool _hasRequestReaderFailed;
    private bool _hasResponseReaderFailed;
    private TimeSpan _waited;
    private TimeSpan _bodyTime;
    private long _lastHeard;
    private long _wholeSince;
    private bool _isHeldUp;
    private bool _isStream;
    private long _askedAt;

    public string Id { get; } = RequestId.New(time.GetUtcNow());

    /// <summary>The clock of every timestamp here.</summary>
    public TimeProvider Clock => time;

    public DateTimeOffset StartedAt { get; } = time.GetUtcNow();

    public long Started { get; } = time.GetTimestamp();

    /// <summary>The request target as it was sent.</summary>
    public string Target { get; } = context.Features.Get<IHttpRequestFeature>()!.RawTarget;

    public ApiEndpoint Endpoint { get; private set; } = ApiEndpoint.Other;

    /// <summary>How far it is. Set through <see cref="RunningRequests"/> once that knows it.</summary>
    public RequestPhase Phase { get; set; } = RequestPhase.Waiting;

    /// <summary>The links of <see cref="RunningRequests"/>, which alone uses them.</summary>
    public ExchangeInProgress? Next { get; set; }

    public ExchangeInProgress? Previous { get; set; }

    // These three are kept because live events are built after the request has ended, when the server may use its context for the next one.

    public string Method { get; } = context.Request.Method;

    /// <summary>See <see cref="Exchange.ClientAddress"/>.</summary>
    public string? ClientAddress { get; } =
        context.Connection.RemoteIpAddress is { } address ? (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString() : null;

    /// <summary>See <see cref="Exchange.UserAgent"/>.</summary>
    public string? UserAgent { get; } = context.Request.Headers.UserAgent is [{ } agent] ? agent : null;

    /// <summary>The model as asked for, once it was seen.</summary>
    public string? Model => _requestReader?.Model;

    /// <summary>Pieces of the answer that came so far.</summary>
    public int Pieces => _responseReader?.Pieces ?? 0;

    public RelayEnd End { get; set; } = RelayEnd.NoAnswer;

    public int? StatusCode { get; private set; }

    public TimeSpan? TimeToHeaders { get; private set; }

    /// <summary>Takes counts that the client did not ask for out of the answer; null when there are none of those.</summary>
    public UsageFilter? UsageFilter { get; set; }

    /// <summary>See <see cref="Exchange.ConnectTime"/>.</summary>
    public TimeSpan? ConnectTime { get; private set; }

    /// <summary>See <see cref="Exchange.BackPressure"/>.</summary>
    public TimeSpan BackPressure { get; private set; }

    /// <summary>When the last byte of the answer came, as a timestamp of <see cref="Clock"/>; 0 before the first. Read by other threads.</summary>
    public long LastHeard => Volatile.Read(ref _lastHeard);

    /// <summary>Since when Ollama has the whole request, as a timestamp of <see cref="Clock"/>; 0 before. Read by other threads.</summary>
    public long WholeSince => Volatile.Read(ref _wholeSince);

    /// <summary>True while an answer is held up by its client. Read by other threads.</summary>
    public bool IsHeldUp => Volatile.Read(ref _isHeldUp);

    /// <summary>See <see cref="Exchange.RequestOverhead"/>.</summary>
    public TimeSpan? RequestOverhead { get; private set; }

    /// <summary>See <see cref="Exchange.ResponseOverhead"/>.</summary>
    public TimeSpan? ResponseOverhead { get; private set; }

    /// <summary>When Ollama was heard last, or else asked, as a timestamp of <see cref="Clock"/>; 0 before that. Read by others while it runs.</summary>
    public long HeardAt => Math.Max(LastHeard, Volatile.Read(ref _askedAt));

    /// <summary>See <see cref="Exchange.Span"/>.</summary>
    public Activity? Span { get; set; }

    public long RequestBytes { get; private set; }

    public long ResponseBytes { get; private set; }

    /// <summary>Bytes of the body that were observed while they waited in the server's pipe.</summary>
    public long BytesAhead { get; set; }

    /// <summary>Watches a body that is not complete although it has a slot; null for all others.</summary>
    public UploadWatch? Upload { get; set; }

    /// <summary>See <see cref="Exchange.QueueTime"/>.</summary>
    public TimeSpan? QueueTime { get; set; }

    /// <summary>See <see cref="Exchange.Rejection"/>.</summary>
    public RejectionReason? Rejection { get; private set; }

    /// <summary>Why we refused, in words; null when we did not.</summary>
    public string? Refusal { get; private set; }

    /// <summary>True once Ollama's status line is there: a body that has not been asked for by then is not asked for any more.</summary>
    public bool HasAnswer => TimeToHeaders is not null;

    public bool ExpectsContinue { get; } = context.Request.Headers.Expect.Count > 0;

    /// <summary>True when its request ended in the middle, which is seen a moment before the server tells of it.</summary>
    public bool ClientLeft { get; set; }

    /// <summary>True when the framing of its body is malformed.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>True when the answer has a reader, which would have seen its terminator.</summary>
    public bool KnowsTerminator => _responseReader is not null;

    /// <summary>True for the two calls whose streams carry token counts only for clients that ask.</summary>
    public bool StreamsOpenAi => IsRead && (Endpoint == ApiEndpoint.OpenAiChat || Endpoint == ApiEndpoint.OpenAiCompletions);

    /// <summary>True when Ollama would run a model for it, which it does for POST alone.</summary>
    public bool NeedsSlot => Endpoint.RunsModel(Method);

    /// <summary>True for requests that wait for an Ollama that is starting: inferences, and the two by which clients see whether it is there.</summary>
    public bool AwaitsOllama =>
        NeedsSlot
        || (HttpMethods.IsHead(context.Request.Method) && Endpoint == ApiEndpoint.Root)
        || (HttpMethods.IsGet(context.Request.Method) && Endpoint == ApiEndpoint.Version);

    /// <summary>True when looking at the body takes long, however small it is: a few compressed bytes may be very many. That is no work for a thread of the sockets.</summary>
    public bool DecodesRequest => _requestReader is DecodedRequestReader;

    /// <summary>The same of the answer.</summary>
    public bool DecodesResponse => _responseReader is DecodedResponseReader;

    private bool IsRead => HttpMethods.IsPost(context.Request.Method) || HttpMethods.IsDelete(context.Request.Method);

    /// <summary>Chooses the readers. A method that Ollama does not serve there (GET /api/generate) is no inference, and has nothing to read.</summary>
    public void Begin()
    {
        Endpoint = ApiEndpoint.FromPath(OllamaTransformer.OriginForm(Target));
        _protocol = WireProtocols.Of(Endpoint);
        _requestReader = IsRead ? CreateRequestReader(_protocol) : null;
    }

    public byte[] ErrorBody(int statusCode, string message) => (_protocol ?? WireProtocols.Of(Endpoint)).ErrorBody(statusCode, message);

    public void ObserveRequest(ReadOnlySpan<byte> bytes)
    {
        lock (_reading)
        {
            if (_isRequestComplete)
            {
                return;
            }

            RequestBytes += bytes.Length;
            if (_hasRequestReaderFailed)
            {
                return;
            }

            try
            {
                _requestReader?.Read(bytes);
            }
            // A fault in an observer switches the observer off, never the stream.
            catch (Exception exception)
            {
                _hasRequestReaderFailed = true;
                Log.ReaderFailed(logger, exception, "request", Endpoint.Label);
            }
        }
    }

    /// <param name="statusCode">Ollama's status.</param>
    /// <param name="contentType">Its Content-Type.</param>
    /// <param name="contentEncoding">Its Content-Encoding, which only answers of cloud models have; null when there is none.</param>
    public void ObserveHead(int statusCode, string? contentType, string? contentEncoding)
    {
        StatusCode = statusCode;
        TimeToHeaders = time.GetElapsedTime(Started);
        Volatile.Write(ref _lastHeard, time.GetTimestamp());
        var head = new ResponseHead(statusCode, contentType, Started);
        _isStream = head.IsStream;
        // A redirect and an answer without content say all with their status.
        var isRead = IsRead && statusCode is not (204 or 205 or (>= 300 and < 400));
        if (isRead && _protocol!.CreateResponseReader(Endpoint, head) is { } reader)
        {
            var encodings = BodyDecoder.EncodingsOf(contentEncoding);
            _responseReader = encodings.Length > 0 ? new DecodedResponseReader(reader, new BodyDecoder(encodings, decoders)) : reader;
        }
    }

    /// <summary>Our own answer, where Ollama gave none.</summary>
    public void Refused(int statusCode, string? why = null) => (StatusCode, Refusal) = (statusCode, why);

    /// <summary>The answer will be ours, for this reason.</summary>
    public void Reject(RejectionReason reason) => (End, Rejection) = (RelayEnd.Refused, reason);

    /// <param name="data">The next data of the body.</param>
    /// <param name="arrived">When it came, as a timestamp of <see cref="Clock"/>.</param>
    public void ObserveResponse(ReadOnlySpan<byte> data, long arrived)
    {
        if (ResponseBytes == 0)
        {
            ResponseOverhead = time.GetElapsedTime(arrived) - BackPressure;
        }

        ResponseBytes += data.Length;
        Volatile.Write(ref _lastHeard, arrived);
        if (_responseReader is { } reader && !_hasResponseReaderFailed)
        {
            try
            {
                reader.Read(data, arrived);
            }
            catch (Exception exception)
            {
                _hasResponseReaderFailed = true;
                Log.ReaderFailed(logger, exception, "response", Endpoint.Label);
            }
        }

        if (Phase == RequestPhase.Waiting && (Pieces > 0 || _responseReader is null || _hasResponseReaderFailed))
        {
            running.Enter(this, RequestPhase.Writing);
        }
    }

    /// <summary>It has waited for an Ollama that was not there yet: nobody can be connected to before.</summary>
    public void Awaited(TimeSpan waited) => ConnectTime = _waited += waited;

    /// <summary>A part of the body has arrived for which the request waited.</summary>
    /// <param name="since">When that wait began, as a timestamp of <see cref="Clock"/>.</param>
    public void AwaitedBody(long since) => _bodyTime += time.GetElapsedTime(since);

    /// <summary>It has a slot, or needs none.</summary>
    public void HoldSlot(ConcurrencyGate gate, Admission admission) => (_gate, _admission) = (gate, admission);

    /// <summary>
    /// Gives its slot back, once. This happens before the client has the last byte: a client that sends one request after the other must find its slot free.
    /// </summary>
    public void GiveSlotBack()
    {
        _gate?.Leave(Endpoint, _admission);
        _gate = null;
    }

    /// <summary>Ollama is being asked; until a connection is made for this request, one was there.</summary>
    public void Asked()
    {
        ConnectTime = _waited;
        Volatile.Write(ref _askedAt, time.GetTimestamp());
        RequestOverhead = UsageFilter is null ? time.GetElapsedTime(Started, _askedAt) - (QueueTime ?? TimeSpan.Zero) - _waited - _bodyTime : null;
    }

    /// <param name="since">When the connecting began, as a timestamp of <see cref="Clock"/>.</param>
    public void Connected(long since) => ConnectTime = _waited + time.GetElapsedTime(since);

    /// <summary>The body cannot be read to its end: its framing is malformed, or else the client disconnected.</summary>
    public void RequestFailed(Exception exception)
    {
        IsMalformed = MalformedBody.Is(exception);
        ClientLeft = !IsMalformed;
    }

    /// <summary>The last byte of the request has been handed on.</summary>
    public void RequestEnded()
    {
        Volatile.Write(ref _wholeSince, time.GetTimestamp());
        ReleaseDecoder();
    }

    /// <summary>The whole request was observed. It may wait long for its slot, and for its answer.</summary>
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

    /// <summary>The client does not take what is there for it.</summary>
    public void ClientWaits() => Volatile.Write(ref _isHeldUp, true);

    /// <summary>The client took its time.</summary>
    /// <param name="since">When the write began that it held up, as a timestamp of <see cref="Clock"/>.</param>
    public void ClientWaited(long since)
    {
        var now = time.GetTimestamp();
        BackPressure += time.GetElapsedTime(since, now);
        // Whatever Ollama sent meanwhile could not be heard.
        Volatile.Write(ref _lastHeard, now);
        Volatile.Write(ref _isHeldUp, false);
    }

    /// <summary>Bytes of the request that arrive afterwards are ignored: a client may have disconnected while one of its chunks was read.</summary>
    public RequestFacts CompleteRequest()
    {
        lock (_reading)
        {
            _isRequestComplete = true;
            var facts = Complete("request", RequestFacts.Unknown, () => _requestReader?.Complete(), ref _hasRequestReaderFailed);
            return _hasRequestReaderFailed ? new RequestFacts { Failure = ParseFailure.ReaderFailed } : facts;
        }
    }

    public ResponseFacts CompleteResponse()
    {
        var facts = Complete("response", ResponseFacts.Unknown, () => _responseReader?.Complete(time, End == RelayEnd.Whole), ref _hasResponseReaderFailed);
        if (_hasResponseReaderFailed)
        {
            facts = ResponseFacts.Unread(ParseFailure.ReaderFailed, facts.Error);
        }

        // Of an answer that could not be read, the head alone says that it was a stream.
        if (_isStream && !facts.Streamed && (_responseReader is null || facts.Failure is not null))
        {
            facts = facts with { Streamed = true };
        }

        if (facts is not { Terminated: false, TimeToFirstToken: not null } || IsHeldUp)
        {
            return facts;
        }

        // No piece ends the silence before a cut, so the reader does not see it.
        var silence = time.GetElapsedTime(LastHeard);
        return silence > facts.LongestGap.GetValueOrDefault() ? facts with { LongestGap = silence } : facts;
    }

    private IRequestReader? CreateRequestReader(WireProtocol protocol)
    {
        if (protocol.CreateRequestReader(Endpoint, context.Request.ContentType) is not { } reader)
        {
            return null;
        }

        var encodings = BodyDecoder.EncodingsOf(context.Request.Headers.ContentEncoding);
        return encodings.Length > 0 ? new DecodedRequestReader(reader, new BodyDecoder(encodings, decoders)) : reader;
    }

    private T Complete<T>(string side, T unknown, Func<T?> complete, ref bool hasFailed)
        where T : class
    {
        try
        {
            return complete() ?? unknown;
        }
        catch (Exception exception)
        {
            hasFailed = true;
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
