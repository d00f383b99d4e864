using System.Diagnostics;
using System.Diagnostics.Metrics;
using MediatR;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>
/// The metrics of OpenTelemetry's conventions for generative AI. They exist only with OTLP export, never on <c>/metrics</c>. The convention's buckets are
/// extended upward, because cold loads take longer than it assumes.
/// </summary>
public sealed class GenAiMetrics : INotificationHandler<RequestRecorded>
{
    public const string MeterName = "OllamaProxy.GenAI";

    private readonly ProxyMetrics _metrics;
    private readonly IOllamaProcessSupervisor _ollama;
    private readonly Histogram<double> _duration;
    private readonly Histogram<long> _tokens;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _timePerToken;

    public GenAiMetrics(IMeterFactory meters, ProxyMetrics metrics, IOllamaProcessSupervisor ollama)
    {
        (_metrics, _ollama) = (metrics, ollama);
        var meter = meters.Create(MeterName);
        _duration = Histogram<double>(meter, "gen_ai.client.operation.duration", "s", "GenAI operation duration.",
            [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36, 1310.72]);
        _tokens = Histogram<long>(meter, "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.",
            [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]);
        _firstToken = Histogram<double>(meter, "gen_ai.server.time_to_first_token", "s", "Time to generate first token for successful responses.",
            [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 320, 640]);
        _timePerToken = Histogram<double>(meter, "gen_ai.server.time_per_output_token", "s",
            "Time per output token generated after the first token for successful responses.",
            [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]);
    }

    /// <summary>The most series an instrument can have: operations, models, whether the response named its model, and the error or token type.</summary>
    public static int SeriesLimit(int maxModels) => (maxModels + 2) * GenAi.Operations * 2 * (Enum.GetValues<ErrorType>().Length + 1);

    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        var (exchange, record) = notification;
        if (record.IsInference)
        {
            Record(exchange, record);
        }

        return Task.CompletedTask;
    }

    private void Record(Exchange exchange, RequestRecord record)
    {
        var model = _metrics.ModelOf(record);
        var labels = new TagList
        {
            { GenAi.OperationName, GenAi.Operation(exchange.Endpoint) },
            { GenAi.ProviderName, GenAi.Provider },
            { GenAi.RequestModel, model },
            { GenAi.ServerAddress, _ollama.Backend.Host },
            { GenAi.ServerPort, _ollama.Backend.Port },
        };
        if (exchange.Response.Model is not null)
        {
            labels.Add(GenAi.ResponseModel, model);
        }

        if (record.TimeToFirstToken is { } first && record.ErrorType is null)
        {
            _firstToken.Record(first.TotalSeconds, labels);
            if (record is { OutputTokens: > 1 and { } count, TokensEstimated: false })
            {
                _timePerToken.Record((record.Latency - first).TotalSeconds / (count - 1), labels);
            }
        }

        // The convention forbids reporting estimated counts.
        RecordTokens("input", record.InputTokens, labels);
        RecordTokens("output", record.TokensEstimated ? null : record.OutputTokens, labels);
        if (record.ErrorType is { } error)
        {
            labels.Add(GenAi.ErrorType, error.Name());
        }

        _duration.Record(record.Latency.TotalSeconds, labels);
    }

    private void RecordTokens(string type, int? tokens, TagList labels)
    {
        if (tokens is { } known)
        {
            labels.Add(GenAi.TokenType, type);
            _tokens.Record(known, labels);
        }
    }

    private static Histogram<T> Histogram<T>(Meter meter, string name, string unit, string help, T[] buckets)
        where T : struct =>
        meter.CreateHistogram(name, unit, help, tags: null, new InstrumentAdvice<T> { HistogramBucketBoundaries = buckets });
}
