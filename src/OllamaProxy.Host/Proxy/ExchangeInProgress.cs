using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.Host.Proxy;

/// <summary>One exchange while it runs. Members with the name of a member of <see cref="Exchange"/> mean the same.</summary>
internal sealed class ExchangeInProgress
{
    private readonly RunningRequests _running;
    private readonly bool _hasReaders;
    private ConcurrencyGate? _gate;
    private AdmissionOutcome _admission;

    public ExchangeInProgress(HttpContext context, RunningRequests running, DecoderBudget decoders, TimeProvider time, ILogger logger)
    {
        var request = context.Request;
        _running = running;
        Timings = new ExchangeTimings(time);
        Id = RequestId.New(Timings.StartedAt);
        Target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        Method = request.Method;
        UserAgent = request.Headers.UserAgent is [{ } agent] ? agent : null;
        ClientAddress = context.Connection.RemoteIpAddress is { } address ? (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString() : null;
        Endpoint = ApiEndpoint.FromPath(RequestHeadWriter.OriginForm(Target));
        Observation = new ExchangeObservation(Endpoint, decoders, logger);
        // Ollama serves no body for other methods (GET /api/generate), so they have no readers.
        _hasReaders = HttpMethods.IsPost(Method) || HttpMethods.IsDelete(Method);
        if (_hasReaders)
        {
            Observation.BeginRequest(request);
        }
    }

    public string Id { get; }

    public ExchangeTimings Timings { get; }

    public ExchangeObservation Observation { get; }

    public string Target { get; }

    // Copies: live events are built after the request has ended, when Kestrel may reuse its context.
    public string Method { get; }
    public string? ClientAddress { get; }
    public string? UserAgent { get; }

    public ApiEndpoint Endpoint { get; }

    /// <summary>Changed through <see cref="RunningRequests"/> after the exchange was added to it.</summary>
    public RequestPhase Phase { get; set; } = RequestPhase.Waiting;

    public int? StatusCode { get; private set; }

    // Set when the proxy replies in Ollama's place: the reason as a label, and in words.
    public RejectionReason? Rejection { get; private set; }
    public string? Refusal { get; private set; }

    public Activity? Span { get; set; }

    /// <summary>Watches a body that is incomplete although its request has a slot; null for all others.</summary>
    public UploadWatch? Upload { get; set; }

    /// <summary>True when the client's request ended in the middle, which shows a moment before the server reports it.</summary>
    public bool ClientLeft { get; set; }

    public bool IsMalformed { get; private set; }

    /// <summary>The streams of these two endpoints carry token counts only on request.</summary>
    public bool StreamsOpenAi => _hasReaders && (Endpoint == ApiEndpoint.OpenAiChat || Endpoint == ApiEndpoint.OpenAiCompletions);

    public bool NeedsSlot => Endpoint.RunsModel(Method);

    public void HoldSlot(ConcurrencyGate gate, AdmissionOutcome admission) => (_gate, _admission) = (gate, admission);

    /// <summary>Returns the slot, once, before the client has the last byte: a client that sends one request after the other must find its slot free.</summary>
    public void ReturnSlot()
    {
        _gate?.Leave(Endpoint, _admission);
        _gate = null;
    }

    /// <summary>The body cannot be read to its end: its framing is malformed, or else the client disconnected.</summary>
    public void FailRequest(Exception exception)
    {
        IsMalformed = MalformedBody.Is(exception);
        ClientLeft = !IsMalformed;
    }

    public void EndRequest()
    {
        Timings.RecordRequestSent();
        Observation.ReleaseDecoder();
    }

    public void ObserveHead(int status, IHeaderDictionary headers)
    {
        StatusCode = status;
        Timings.RecordHead();
        // A redirect or a response without content has no body worth reading.
        var isRead = _hasReaders && status is not (204 or 205 or (>= 300 and < 400));
        Observation.BeginResponse(new ResponseHead(status, headers.ContentType, Timings.Started), headers.ContentEncoding, isRead);
    }

    public void ObserveResponse(ReadOnlySpan<byte> data, long arrived)
    {
        Timings.RecordData(arrived);
        Observation.ObserveResponse(data, arrived);
        if (Phase == RequestPhase.Waiting && !Observation.AwaitsContent)
        {
            _running.Enter(this, RequestPhase.Writing);
        }
    }

    public void Refuse(int status, string? why = null, RejectionReason? reason = null) => (StatusCode, Refusal, Rejection) = (status, why, reason);
}
