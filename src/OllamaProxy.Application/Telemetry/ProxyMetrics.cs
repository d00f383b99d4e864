using System.Diagnostics;
using System.Diagnostics.Metrics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>
/// Every instrument of the program: name, unit, help, buckets and labels in one place (docs/metrics.md lists the same, a test compares).
/// The first five are the original program's, with its names, labels and buckets; more buckets follow on top of its own, never between.
/// </summary>
public sealed class ProxyMetrics
{
    public const string MeterName = "OllamaProxy";

    private const int Statuses = 3;
    private static readonly int s_errorTypes = Enum.GetValues<ErrorType>().Length;
    private static readonly int s_confidences = Enum.GetValues<Truncation>().Length;
    private static readonly int s_categories = Enum.GetValues<PromptCategory>().Length;
    private static readonly int s_loadCauses = Enum.GetValues<LoadCause>().Length;

    /// <summary>Pairs of endpoint and category: only inference endpoints have a prompt, every other call is <c>empty</c>.</summary>
    private static readonly int s_endpointCategories = ApiEndpoint.All.Sum(endpoint => endpoint.IsInference ? s_categories : 1);

    private readonly ModelLabels _models;
    private readonly EndpointLoad _load = new();
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _tokensGenerated;
    private readonly Histogram<double> _tokensPerSecond;
    private readonly Counter<long> _errors;
    private readonly Histogram<double> _phases;
    private readonly Counter<long> _truncated;
    private readonly Histogram<double> _queueWait;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _loads;
    private readonly Histogram<double> _loadTime;
    private readonly Counter<long> _restarts;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _written;
    private readonly Counter<long> _storeFailures;
    private int _active;
    private Func<int> _queued = static () => 0;

    public ProxyMetrics(IMeterFactory meters, MetricsOptions options)
    {
        _models = new ModelLabels(options.MaxModels);
        var meter = meters.Create(MeterName);

        _requests = meter.CreateCounter<long>("ollama_requests_total", description: "Requests by model, endpoint, prompt category and status (success, error, cancelled).");
        _duration = Histogram(meter, "ollama_request_duration_seconds", "s", "Wall-clock duration of requests as the client saw it.",
            [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200]);
        _tokensGenerated = Histogram(meter, "ollama_tokens_generated", null, "Tokens generated per request (eval_count).",
            [10, 50, 100, 250, 500, 1000, 2000, 5000, 10000, 50000]);
        _tokensPerSecond = Histogram(meter, "ollama_tokens_per_second", null, "Generation speed per request (eval_count / eval_duration).",
            [1, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500]);
        meter.CreateObservableGauge("ollama_active_requests", () => Volatile.Read(ref _active), description: "Requests being forwarded now.");

        _errors = meter.CreateCounter<long>("ollama_request_errors_total", description: "Requests that were no success, by the type of the error; client_abort is no error of Ollama's.");
        _phases = Histogram(meter, "ollama_request_phase_seconds", "s", "Where the time of inference requests went, as far as it is known.",
            [0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]);
        _truncated = meter.CreateCounter<long>("ollama_prompt_truncated_total", description: "Prompts that Ollama shortened silently to fit the context, by how sure that is.");
        meter.CreateObservableGauge("ollama_endpoint_active_requests", _load.Active, description: "Inferences that have a slot now, by endpoint.");
        meter.CreateObservableGauge("ollama_queue_depth", _load.Waiting, description: "Inferences that wait for a slot, by endpoint.");
        _queueWait = Histogram(meter, "ollama_queue_wait_seconds", "s", "Time inferences waited for a slot; 0 for those that did not wait.",
            [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]);
        _rejected = meter.CreateCounter<long>("ollama_rejected_total", description: "Inferences the proxy turned away, by endpoint and reason.");
        _loads = meter.CreateCounter<long>("ollama_model_loads_total", description: "Model loads by model and cause (cold, expired, evicted, params_changed, restart, unknown).");
        _loadTime = Histogram(meter, "ollama_model_load_seconds", "s", "Duration of model loads by model and cause.", [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]);

        _restarts = meter.CreateCounter<long>("ollama_restarts_total", description: "Starts of our Ollama that replaced one, by reason (exited, unhealthy, hung).");

        _dropped = meter.CreateCounter<long>("ollama_proxy_records_dropped_total", description: "Records that were not stored, by reason.");
        _written = meter.CreateCounter<long>("ollama_proxy_records_written_total", description: "Records stored.");
        _storeFailures = meter.CreateCounter<long>("ollama_proxy_store_failures_total", description: "Failed attempts to write a batch of records.");
        meter.CreateObservableGauge("ollama_proxy_record_queue_depth", () => _queued(), description: "Exchanges waiting to be recorded.");

        // An instrument never touched is absent from a scrape; a counter at 0 lets an alert tell "none" from "not there".
        foreach (var endpoint in EndpointLoad.Endpoints)
        {
            CountRejected(endpoint, RejectionReason.QueueFull, 0);
            CountRejected(endpoint, RejectionReason.QueueTimeout, 0);
        }

        foreach (var reason in Enum.GetValues<RestartReason>())
        {
            CountRestart(reason, 0);
        }

        _dropped.Add(0, new KeyValuePair<string, object?>("reason", "queue_full"));
        _dropped.Add(0, new KeyValuePair<string, object?>("reason", "store_unavailable"));
        _written.Add(0);
        _storeFailures.Add(0);
    }

    /// <summary>
    /// The most series an instrument can have: the product of its closed label sets. OpenTelemetry folds what is beyond its own limit (2,000) into
    /// one series without labels, so the limit has to be ours.
    /// </summary>
    public static int SeriesLimit(string instrument, int maxModels)
    {
        var models = maxModels + 2; // and "other" and "unknown"
        return instrument switch
        {
            "ollama_requests_total" => models * s_endpointCategories * Statuses,
            "ollama_request_duration_seconds" => models * s_endpointCategories,
            "ollama_request_errors_total" => models * ApiEndpoint.All.Count * s_errorTypes,
            "ollama_request_phase_seconds" => models * ExchangePhaseNames.All.Count,
            "ollama_prompt_truncated_total" => models * s_confidences,
            "ollama_tokens_generated" or "ollama_tokens_per_second" => models * s_categories,
            "ollama_endpoint_active_requests" or "ollama_queue_depth" or "ollama_queue_wait_seconds" => EndpointLoad.Endpoints.Length,
            "ollama_rejected_total" => EndpointLoad.Endpoints.Length * Enum.GetValues<RejectionReason>().Length,
            "ollama_model_loads_total" or "ollama_model_load_seconds" => models * s_loadCauses,
            _ => 2_000,
        };
    }

    /// <summary>A request began to be forwarded.</summary>
    public void RequestStarted() => Interlocked.Increment(ref _active);

    /// <summary>The request begun with <see cref="RequestStarted"/> ended.</summary>
    public void RequestEnded() => Interlocked.Decrement(ref _active);

    /// <summary>An inference got a slot.</summary>
    public void SlotTaken(ApiEndpoint endpoint) => _load.AddActive(endpoint, 1);

    /// <summary>The slot of <see cref="SlotTaken"/> is free again.</summary>
    public void SlotReturned(ApiEndpoint endpoint) => _load.AddActive(endpoint, -1);

    /// <summary>An inference joined the waiting line.</summary>
    public void WaitStarted(ApiEndpoint endpoint) => _load.AddWaiting(endpoint, 1);

    /// <summary>The one of <see cref="WaitStarted"/> left it, whatever for.</summary>
    public void WaitEnded(ApiEndpoint endpoint) => _load.AddWaiting(endpoint, -1);

    /// <summary>How long an inference waited, once for each, zero included.</summary>
    public void Waited(ApiEndpoint endpoint, TimeSpan time) => _queueWait.Record(time.TotalSeconds, new KeyValuePair<string, object?>("endpoint", endpoint.Label));

    /// <summary>An inference was turned away.</summary>
    public void Rejected(ApiEndpoint endpoint, RejectionReason reason) => CountRejected(endpoint, reason, 1);

    /// <summary>Our Ollama is started again.</summary>
    public void OllamaRestarted(RestartReason reason) => CountRestart(reason, 1);

    /// <summary>Where the depth of the recording queue can be read.</summary>
    internal void ObserveQueue(Func<int> depth) => _queued = depth;

    public void RecordDropped(string reason, int count) => _dropped.Add(count, new KeyValuePair<string, object?>("reason", reason));

    public void RecordsWritten(int count) => _written.Add(count);

    public void StoreFailed() => _storeFailures.Add(1);

    /// <summary>Counts a finished request. Requests that name no model and run none (tags, ps, version) are counted with the model <c>unknown</c>.</summary>
    public void Record(RequestRecord record)
    {
        var model = _models.Of(record.Model, record.StatusCode is >= 200 and < 300);
        var labels = new TagList
        {
            { "model", model },
            { "endpoint", record.Endpoint },
            { "prompt_category", record.Category },
        };
        _duration.Record(record.Latency.TotalSeconds, labels);
        labels.Add("status", record.Status);
        _requests.Add(1, labels);

        if (record.ErrorType is { } errorType)
        {
            _errors.Add(1, new TagList { { "model", model }, { "endpoint", record.Endpoint }, { "error_type", errorType } });
        }

        if (record.Truncation is { } confidence)
        {
            _truncated.Add(1, new TagList { { "model", model }, { "confidence", confidence } });
        }

        if (record.IsInference)
        {
            RecordPhases(record, model);
        }

        if (record.LoadCause is { } cause)
        {
            var loadLabels = new TagList { { "model", model }, { "cause", cause } };
            _loads.Add(1, loadLabels);
            // An answer to a request that only loads tells no duration; loading is all it did.
            _loadTime.Record((record.LoadDuration ?? record.Latency - (record.QueueTime ?? TimeSpan.Zero)).TotalSeconds, loadLabels);
        }

        if (record.OutputTokens is > 0 and { } tokens)
        {
            var tokenLabels = new TagList { { "model", model }, { "prompt_category", record.Category } };
            _tokensGenerated.Record(tokens, tokenLabels);
            if (record.TokensPerSecond is { } speed)
            {
                _tokensPerSecond.Record(speed, tokenLabels);
            }
        }
    }

    private void RecordPhases(RequestRecord record, string model)
    {
        Phase(ExchangePhaseNames.Queue, record.QueueTime);
        Phase(ExchangePhaseNames.Connect, record.ConnectTime);
        Phase(ExchangePhaseNames.EngineWait, record.EngineWait);
        Phase(ExchangePhaseNames.Load, record.LoadDuration);
        Phase(ExchangePhaseNames.PromptEval, record.PromptEvalDuration);
        Phase(ExchangePhaseNames.Decode, record.DecodeTime);
        Phase(ExchangePhaseNames.ClientBackPressure, record.BackPressure);

        void Phase(string name, TimeSpan? time)
        {
            if (time is { } known)
            {
                _phases.Record(known.TotalSeconds, new TagList { { "phase", name }, { "model", model } });
            }
        }
    }

    private void CountRejected(ApiEndpoint endpoint, RejectionReason reason, int count) => _rejected.Add(
        count,
        new KeyValuePair<string, object?>("endpoint", endpoint.Label),
        new KeyValuePair<string, object?>("reason", reason == RejectionReason.QueueFull ? "queue_full" : "queue_timeout"));

    private void CountRestart(RestartReason reason, int count) => _restarts.Add(count, new KeyValuePair<string, object?>("reason", reason switch
    {
        RestartReason.Exited => "exited",
        RestartReason.Unhealthy => "unhealthy",
        RestartReason.Hung => "hung",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "A reason without a name."),
    }));

    private static Histogram<double> Histogram(Meter meter, string name, string? unit, string help, double[] buckets) =>
        meter.CreateHistogram(name, unit, help, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = buckets });
}
