using System.Diagnostics;
using System.Diagnostics.Metrics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>
/// All instruments: name, unit, help, buckets and labels (docs/metrics.md lists the same; a test compares). The first five are the original program's; buckets
/// are added only above its own, so its queries still work.
/// </summary>
public sealed partial class ProxyMetrics
{
    public const string MeterName = "OllamaProxy";

    private const int Statuses = 3;
    private static readonly int s_errorTypes = Enum.GetValues<ErrorType>().Length;
    private static readonly int s_confidences = Enum.GetValues<Truncation>().Length;
    private static readonly int s_categories = Enum.GetValues<PromptCategory>().Length;
    private static readonly int s_loadCauses = Enum.GetValues<LoadCause>().Length;

    /// <summary>Pairs of endpoint and category: only inference endpoints have a prompt, every other call is <c>empty</c>.</summary>
    private static readonly int s_endpointCategories = ApiEndpoint.All.Sum(endpoint => endpoint.IsInference ? s_categories : 1);

    /// <summary>Without faults of the proxy: those have their own counter, because they can happen to any request.</summary>
    private static readonly RejectionReason[] s_rejections = [RejectionReason.QueueFull, RejectionReason.QueueTimeout, RejectionReason.BodyStalled];

    /// <summary>The state of the model when the request arrived.</summary>
    private static readonly string[] s_states = ["cold", "warm", "unknown"];
    private static readonly double[] s_requestTimes = [0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640];

    private readonly ModelLabels _models;
    private readonly OllamaGauges _ollama;
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
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _gap;
    private readonly Histogram<double> _longestGap;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _cachedTokens;
    private readonly Counter<long> _generatedTokens;
    private readonly Histogram<double> _promptSpeed;
    private readonly Histogram<double> _overhead;
    private readonly Histogram<double> _storeWrite;
    private readonly Counter<long> _parseFailures;
    private readonly Counter<long> _faults;
    private int _active;
    private Func<int> _queued = static () => 0;
    private Func<double?> _silence = static () => null;
    private Func<long?> _free = static () => null;
    private Func<int?> _store = static () => null;

    public ProxyMetrics(IMeterFactory meters, MetricsOptions options, ModelNames names)
    {
        _models = new ModelLabels(options.MaxModels, names);
        _ollama = new OllamaGauges(_models);
        var meter = meters.Create(MeterName);

        _requests = meter.CreateCounter<long>("ollama_requests_total",
            description: "Requests by model, endpoint, prompt category and status (success, error, cancelled).");
        _duration = Histogram(meter, "ollama_request_duration_seconds", "s", "Wall-clock duration of requests as the client saw it.",
            [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200]);
        _tokensGenerated = Histogram(meter, "ollama_tokens_generated", null, "Tokens generated per request (eval_count).",
            [10, 50, 100, 250, 500, 1000, 2000, 5000, 10000, 50000]);
        _tokensPerSecond = Histogram(meter, "ollama_tokens_per_second", null,
            "Generation speed per request: eval_count / eval_duration, or estimated from the chunks of a stream that reports no durations.",
            [1, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500]);
        meter.CreateObservableGauge("ollama_active_requests", () => Volatile.Read(ref _active), description: "Requests being forwarded now.");

        _errors = meter.CreateCounter<long>("ollama_request_errors_total",
            description: "Requests that did not succeed, by error type; client_abort is not an error of Ollama.");
        _phases = Histogram(meter, "ollama_request_phase_seconds", "s", "Duration of each known phase of inferences.", s_requestTimes);
        _firstToken = Histogram(meter, "ollama_time_to_first_token_seconds", "s",
            "From the request to the first token of a stream, by whether the model had to be loaded (cold, warm, unknown).",
            [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 320, 640]);
        _gap = Histogram(meter, "ollama_inter_token_latency_seconds", "s", "Mean time between the chunks of a stream, one value per answer.",
            [0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10]);
        _longestGap = Histogram(meter, "ollama_stream_max_gap_seconds", "s",
            "Longest time between the chunks of a stream, the silence before a cut included, one value per answer.", s_requestTimes);
        _promptTokens = meter.CreateCounter<long>("ollama_prompt_tokens_total", description: "Prompt tokens, cached ones included (prompt_eval_count).");
        _cachedTokens = meter.CreateCounter<long>("ollama_cached_prompt_tokens_total", description: "Cached prompt tokens, where Ollama reports them.");
        _generatedTokens = meter.CreateCounter<long>("ollama_generated_tokens_total",
            description: "Completion tokens (eval_count, or the number of chunks where the response has no count).");
        _promptSpeed = Histogram(meter, "ollama_prompt_tokens_per_second", null,
            "Speed of prompt processing for the uncached part, where Ollama reports how much was cached.",
            [10, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000]);
        _truncated = meter.CreateCounter<long>("ollama_prompt_truncated_total",
            description: "Prompts that Ollama truncated silently, by confidence (certain, likely).");
        meter.CreateObservableGauge("ollama_endpoint_active_requests", _load.Active, description: "Inferences that hold a slot now, by endpoint.");
        meter.CreateObservableGauge("ollama_queue_depth", _load.Waiting, description: "Inferences in the queue, by endpoint.");
        // Without labels, because the endpoint picker of a Kubernetes InferencePool reads one series of each.
        meter.CreateObservableGauge("ollama_inferences_queued", _load.TotalWaiting, description: "Inferences in the queue.");
        meter.CreateObservableGauge("ollama_inferences_running", _load.TotalActive, description: "Inferences that hold a slot now.");
        meter.CreateObservableGauge("ollama_slots_used_ratio", () => (double)_load.TotalActive() / options.Slots,
            description: "Share of the slots (MAX_CONCURRENT_REQUESTS) that inferences hold, 0 to 1.");
        _queueWait = Histogram(meter, "ollama_queue_wait_seconds", "s", "Time inferences queued for a slot; 0 for those that did not queue.",
            [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]);
        _rejected = meter.CreateCounter<long>("ollama_rejected_total", description: "Inferences the proxy rejected, by endpoint and reason.");
        _loads = meter.CreateCounter<long>("ollama_model_loads_total",
            description: "Model loads by model and cause (cold, expired, evicted, params_changed, restart, unknown).");
        _loadTime = Histogram(meter, "ollama_model_load_seconds", "s", "Duration of model loads by model and cause.",
            [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]);

        _restarts = meter.CreateCounter<long>("ollama_restarts_total",
            description: "Restarts of the Ollama that the proxy started, by reason (exited, unhealthy, hung).");

        _dropped = meter.CreateCounter<long>("ollama_proxy_records_dropped_total", description: "Records that were not stored, by reason.");
        _written = meter.CreateCounter<long>("ollama_proxy_records_written_total", description: "Records stored.");
        _storeFailures = meter.CreateCounter<long>("ollama_proxy_store_failures_total", description: "Failed attempts to write a batch of records.");
        meter.CreateObservableGauge("ollama_proxy_record_queue_depth", () => _queued(), description: "Exchanges waiting to be recorded.");
        _storeWrite = Histogram(meter, "ollama_proxy_store_write_seconds", "s", "Duration of writing one batch of records.",
            [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
        meter.CreateObservableGauge("ollama_proxy_store_free_bytes", () => Known(_free()), "By", "Free bytes on the disk of the analytics store.");
        meter.CreateObservableGauge(
            "ollama_proxy_store_up", () =>
                Known(_store()), description: "1 while records are stored, 0 while the analytics store cannot be opened or written.");
        _overhead = Histogram(meter, "ollama_proxy_overhead_seconds", "s", "Time that the proxy itself added, by stage (request, response).",
            [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1]);
        _parseFailures = meter.CreateCounter<long>("ollama_proxy_parse_failures_total", description: "Bodies that could not be read, by reason.");
        _faults = meter.CreateCounter<long>("ollama_proxy_faults_total",
            description: "Requests in which the proxy itself failed; the log has the exception and the request's id.");
        meter.CreateObservableCounter("ollama_proxy_series_limited_total", () => _models.Limited,
            description: "Requests counted as model other because METRICS_MAX_MODELS models already had series.");

        meter.CreateObservableGauge("ollama_longest_silence_seconds", () => Known(_silence()), "s",
            "Seconds since the most stalled inference last produced a byte; 0 without a running inference.");
        meter.CreateObservableGauge("ollama_up", _ollama.Up, description: "Whether Ollama answered the last poll.");
        meter.CreateObservableGauge("ollama_build_info", _ollama.Build, description: "1, with the versions of the proxy and of Ollama.");
        meter.CreateObservableGauge("ollama_installed_models", _ollama.Installed, description: "Models on Ollama's disk.");
        meter.CreateObservableGauge("ollama_installed_models_bytes", _ollama.InstalledBytes, "By", "Bytes of the models on Ollama's disk.");
        meter.CreateObservableGauge("ollama_model_loaded", _ollama.Loaded, description: "1 for each model in memory, with its properties.");
        meter.CreateObservableGauge("ollama_model_size_bytes", _ollama.Bytes, "By", "Memory that a loaded model takes.");
        meter.CreateObservableGauge("ollama_model_vram_bytes", _ollama.VramBytes, "By", "GPU memory that a loaded model takes.");
        meter.CreateObservableGauge("ollama_model_gpu_ratio", _ollama.GpuRatio, description: "GPU share of the memory of a loaded model, 0 to 1.");
        meter.CreateObservableGauge("ollama_model_context_length", _ollama.ContextLength, description: "Context length of a loaded model, in tokens.");
        meter.CreateObservableGauge("ollama_model_expires_seconds", _ollama.ExpiresIn, "s", "Time until an unused model is unloaded.");
    }

    /// <summary>
    /// Starts counters with known series at 0: an untouched instrument is absent from a scrape, so "none" would look like "not there". Call this after a
    /// listener is attached; earlier counts are lost.
    /// </summary>
    public void BeginAtZero()
    {
        foreach (var endpoint in EndpointLoad.Endpoints)
        {
            foreach (var reason in s_rejections)
            {
                CountRejection(endpoint, reason, 0);
            }
        }

        foreach (var reason in Enum.GetValues<RestartReason>())
        {
            CountRestart(reason, 0);
        }

        _dropped.Add(0, new KeyValuePair<string, object?>("reason", "queue_full"));
        _dropped.Add(0, new KeyValuePair<string, object?>("reason", "store_unavailable"));
        _written.Add(0);
        _storeFailures.Add(0);
        _faults.Add(0);
        foreach (var failure in Enum.GetValues<ParseFailure>())
        {
            CountParseFailure(failure, 0);
        }
    }

    /// <summary>
    /// The most series an instrument can have: the product of its closed label sets. Above its default limit (2,000) OpenTelemetry folds series into one
    /// without labels, so each instrument needs its own limit.
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
            "ollama_time_to_first_token_seconds" => models * EndpointLoad.Endpoints.Length * s_states.Length,
            "ollama_prompt_tokens_total" or "ollama_cached_prompt_tokens_total" or "ollama_generated_tokens_total" => models * EndpointLoad.Endpoints.Length,
            "ollama_inter_token_latency_seconds" or "ollama_stream_max_gap_seconds" or "ollama_prompt_tokens_per_second" => models,
            "ollama_model_loaded" => models * OllamaGauges.BuildsOfModel,
            "ollama_model_size_bytes"
                or "ollama_model_vram_bytes"
                or "ollama_model_gpu_ratio"
                or "ollama_model_context_length"
                or "ollama_model_expires_seconds" => models,
            "ollama_endpoint_active_requests" or "ollama_queue_depth" or "ollama_queue_wait_seconds" => EndpointLoad.Endpoints.Length,
            "ollama_rejected_total" => EndpointLoad.Endpoints.Length * Enum.GetValues<RejectionReason>().Length,
            "ollama_model_loads_total" or "ollama_model_load_seconds" => models * s_loadCauses,
            // The rest, the runtime's instruments included, have few labels or none.
            _ => 100,
        };
    }

    public void CountRequestStart() => Interlocked.Increment(ref _active);

    public void CountRequestEnd() => Interlocked.Decrement(ref _active);

    public void CountSlotTaken(ApiEndpoint endpoint) => _load.AddActive(endpoint, 1);

    public void CountSlotReturned(ApiEndpoint endpoint) => _load.AddActive(endpoint, -1);

    public void CountQueued(ApiEndpoint endpoint) => _load.AddWaiting(endpoint, 1);

    public void CountDequeued(ApiEndpoint endpoint) => _load.AddWaiting(endpoint, -1);

    /// <summary>Records the queue wait of an inference, once for each, zero included.</summary>
    public void RecordQueueWait(ApiEndpoint endpoint, TimeSpan time) =>
        _queueWait.Record(time.TotalSeconds, new KeyValuePair<string, object?>("endpoint", endpoint.Label));

    public void CountRejection(ApiEndpoint endpoint, RejectionReason reason) => CountRejection(endpoint, reason, 1);

    /// <summary>Counts a failure of the proxy itself while it handled a request or completed its record.</summary>
    public void CountFault() => _faults.Add(1);

    public void CountRestart(RestartReason reason) => CountRestart(reason, 1);

    /// <summary>Sets the source of the recording queue's depth.</summary>
    internal void ObserveQueue(Func<int> depth) => _queued = depth;

    /// <summary>Sets the source of the last poll of Ollama.</summary>
    public void ObserveOllama(Func<OllamaSnapshot> snapshot, TimeProvider time) => _ollama.Observe(snapshot, time);

    /// <summary>Sets the source of the longest silence of a running inference, in seconds; null when it is unknown.</summary>
    public void ObserveSilence(Func<double?> silence) => _silence = silence;

    /// <summary>Sets the source of the free bytes on the store's disk; null without a store.</summary>
    public void ObserveFreeSpace(Func<long?> free) => _free = free;

    /// <summary>Sets the source of the store's state.</summary>
    public void ObserveStore(Func<int?> store) => _store = store;

    public string ModelOf(RequestRecord record) => _models.Of(record.Model, record.StatusCode is >= 200 and < 300);

    public void CountDropped(string reason, int count) => _dropped.Add(count, new KeyValuePair<string, object?>("reason", reason));

    /// <summary>Counts a written batch and records how long the write took.</summary>
    public void RecordWrite(int count, TimeSpan time)
    {
        _written.Add(count);
        _storeWrite.Record(time.TotalSeconds);
    }

    public void CountStoreFailure() => _storeFailures.Add(1);

    private void CountRejection(ApiEndpoint endpoint, RejectionReason reason, int count) => _rejected.Add(
        count,
        new KeyValuePair<string, object?>("endpoint", endpoint.Label),
        new KeyValuePair<string, object?>("reason", ErrorTypes.Of(reason).Name()));

    private void CountRestart(RestartReason reason, int count) => _restarts.Add(count, new KeyValuePair<string, object?>("reason", reason switch
    {
        RestartReason.Exited => "exited",
        RestartReason.Unhealthy => "unhealthy",
        RestartReason.Hung => "hung",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "A reason without a name."),
    }));

    private void CountParseFailure(ParseFailure failure, int count) => _parseFailures.Add(count, new KeyValuePair<string, object?>("reason", failure.Name()));

    private static IEnumerable<Measurement<T>> Known<T>(T? value)
        where T : struct =>
        value is { } known ? [new(known)] : [];

    private static Histogram<double> Histogram(Meter meter, string name, string? unit, string help, double[] buckets) =>
        meter.CreateHistogram(name, unit, help, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = buckets });
}
