using MediatR;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>Converts a completed exchange into a record and publishes it.</summary>
public sealed record RecordExchange(Exchange Exchange) : IRequest<RequestRecord>;

internal sealed class RecordExchangeHandler(IMediator mediator, TruncationDetector truncations, OllamaWatch ollama, ModelNames models, RecordTexts texts)
    : IRequestHandler<RecordExchange, RequestRecord>
{
    public async Task<RequestRecord> Handle(RecordExchange command, CancellationToken cancellationToken)
    {
        if (command.Exchange is { StatusCode: >= 200 and < 300 } accepted && accepted.Endpoint.RunsModel(accepted.Method))
        {
            models.AddAsked(accepted.Request.Model ?? accepted.Response.Model);
        }

        var record = ToRecord(command.Exchange, texts, truncations.Judge(command.Exchange), ollama.Observe(command.Exchange));
        await mediator.Publish(new RequestRecorded(command.Exchange, record), cancellationToken);
        return record;
    }

    internal static RequestRecord ToRecord(Exchange exchange, RecordTexts texts, Truncation? truncation = null, LoadCause? loadCause = null)
    {
        var (request, response, usage) = (exchange.Request, exchange.Response, exchange.Response.Usage);
        var phases = ExchangePhases.Of(exchange);
        var speed = TokenSpeed.Of(response);
        return new RequestRecord
        {
            RequestId = exchange.Id,
            Timestamp = exchange.StartedAt,
            Model = ModelName.Normalize(request.Model ?? response.Model),
            Endpoint = exchange.Endpoint,
            Method = exchange.Method,
            Category = PromptCategories.Of(request.Prompt),
            Prompt = texts.Keep(request.Prompt),
            System = texts.Keep(request.System),
            Response = texts.Keep(response.Text),
            Thinking = texts.Keep(response.Thinking),
            ToolCalls = texts.KeepJson(response.ToolCalls),
            Latency = exchange.Duration,
            TimeToFirstToken = response.TimeToFirstToken,
            TimeToHeaders = exchange.TimeToHeaders,
            MeanGap = response.MeanGap,
            LongestGap = response.LongestGap,
            InputTokens = usage.PromptTokens,
            CachedInputTokens = usage.CachedPromptTokens,
            OutputTokens = usage.CompletionTokens,
            TokensEstimated = usage.Estimated,
            TokensPerSecond = speed?.TokensPerSecond,
            SpeedEstimated = speed?.IsEstimated ?? false,
            TotalDuration = usage.TotalDuration,
            LoadDuration = usage.LoadDuration,
            PromptEvalDuration = usage.PromptEvalDuration,
            EvalDuration = usage.EvalDuration,
            QueueTime = phases.Queue,
            ConnectTime = phases.Connect,
            EngineWait = phases.EngineWait,
            DecodeTime = phases.Decode,
            BackPressure = phases.ClientBackPressure,
            PromptTokensPerSecond = usage.PromptTokensPerSecond,
            StatusCode = exchange.StatusCode,
            Outcome = exchange.Outcome,
            Error = texts.KeepError(exchange),
            ErrorType = ErrorTypes.Of(exchange),
            FinishReason = response.FinishReason,
            Stream = exchange.StatusCode is null ? null : response.Streamed,
            ClientIp = exchange.ClientAddress,
            UserAgent = TextCut.Beginning(exchange.UserAgent, 500),
            Application = ApplicationNames.Of(exchange.UserAgent),
            RequestBytes = exchange.RequestBytes,
            ResponseBytes = exchange.ResponseBytes,
            Proxy = texts.Options.ProxyName,
            Backend = texts.Options.BackendName,
            Target = texts.KeepTarget(exchange.Target),
            MaxTokens = request.MaxTokens,
            KeepAlive = TextCut.Beginning(request.KeepAlive, 100),
            ToolCallCount = response.ToolCallCount,
            MessageCount = request.MessageCount,
            ImageCount = request.ImageCount,
            ToolCount = request.ToolCount,
            ContextLength = request.ContextLength,
            Temperature = request.Temperature,
            IsInference = exchange.IsInference,
            Truncation = truncation,
            LoadCause = loadCause,
        };
    }
}
