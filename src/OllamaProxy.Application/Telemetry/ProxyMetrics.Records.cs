using System.Diagnostics;
using System.Diagnostics.Metrics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

public sealed partial class ProxyMetrics
{
    /// <summary>Counts what no record holds: the proxy's own overhead, and bodies it could not parse.</summary>
    public void Record(Exchange exchange)
    {
        Overhead("request", exchange.RequestOverhead);
        Overhead("response", exchange.ResponseOverhead);
        // A request that Ollama did not answer may have been cut, which is not malformed.
        if (exchange.Request.Failure is { } request && (request != ParseFailure.Malformed || exchange is { RequestBytes: > 0, TimeToHeaders: not null }))
        {
            CountParseFailure(request, 1);
        }

        if (exchange.Response.Failure is { } response)
        {
            CountParseFailure(response, 1);
        }

        void Overhead(string stage, TimeSpan? time)
        {
            if (time is { } known)
            {
                _overhead.Record(known.TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
            }
        }
    }

    /// <summary>Counts a finished request. Requests that name no model and run none (tags, ps, version) are counted with the model <c>unknown</c>.</summary>
    public void Record(RequestRecord record)
    {
        var model = ModelOf(record);
        var labels = new TagList
        {
            { "model", model },
            { "endpoint", record.Endpoint.Label },
            { "prompt_category", record.Category.Label() },
        };
        _duration.Record(record.Latency.TotalSeconds, labels);
        labels.Add("status", record.Status);
        _requests.Add(1, labels);

        if (record.ErrorType is { } errorType)
        {
            _errors.Add(1, new TagList { { "model", model }, { "endpoint", record.Endpoint.Label }, { "error_type", errorType.Name() } });
        }

        if (record.Truncation is { } confidence)
        {
            _truncated.Add(1, new TagList { { "model", model }, { "confidence", confidence.Name() } });
        }

        if (record.IsInference)
        {
            RecordPhases(record, model);
            RecordStream(record, model);
            RecordTokens(record, model);
        }

        if (record.LoadCause is { } cause)
        {
            var loadLabels = new TagList { { "model", model }, { "cause", cause.Name() } };
            _loads.Add(1, loadLabels);
            // The response to a load-only request has no load_duration, so its whole latency is the load.
            _loadTime.Record((record.LoadDuration ?? record.Latency - (record.QueueTime ?? TimeSpan.Zero)).TotalSeconds, loadLabels);
        }

        if (record.OutputTokens is > 0 and { } tokens)
        {
            var tokenLabels = new TagList { { "model", model }, { "prompt_category", record.Category.Label() } };
            _tokensGenerated.Record(tokens, tokenLabels);
            if (record.TokensPerSecond is { } speed)
            {
                _tokensPerSecond.Record(speed, tokenLabels);
            }
        }
    }

    private void RecordStream(RequestRecord record, string model)
    {
        if (record.TimeToFirstToken is { } first)
        {
            // Without a load_duration (the paths of /v1) it is unknown whether the model was loaded.
            var state = record.LoadCause is not null ? "cold" : record.LoadDuration is not null ? "warm" : "unknown";
            _firstToken.Record(first.TotalSeconds, new TagList { { "model", model }, { "endpoint", record.Endpoint.Label }, { "state", state } });
        }

        var label = new KeyValuePair<string, object?>("model", model);
        if (record.MeanGap is { } mean)
        {
            _gap.Record(mean.TotalSeconds, label);
        }

        if (record.LongestGap is { } longest)
        {
            _longestGap.Record(longest.TotalSeconds, label);
        }
    }

    private void RecordTokens(RequestRecord record, string model)
    {
        var labels = new TagList { { "model", model }, { "endpoint", record.Endpoint.Label } };
        Count(_promptTokens, record.InputTokens, labels);
        Count(_cachedTokens, record.CachedInputTokens, labels);
        Count(_generatedTokens, record.OutputTokens, labels);
        if (record.PromptTokensPerSecond is { } speed)
        {
            _promptSpeed.Record(speed, new KeyValuePair<string, object?>("model", model));
        }

        static void Count(Counter<long> counter, int? tokens, in TagList labels)
        {
            if (tokens is { } known)
            {
                counter.Add(known, labels);
            }
        }
    }

    private void RecordPhases(RequestRecord record, string model)
    {
        Phase(ExchangePhaseNames.Queue, record.QueueTime);
        Phase(ExchangePhaseNames.Connect, record.ConnectTime);
        Phase(ExchangePhaseNames.ResponseWait, record.ResponseWait);
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
}
