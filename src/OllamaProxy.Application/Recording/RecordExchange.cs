using MediatR;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>Turns a completed exchange into the record we keep, and announces it.</summary>
public sealed record RecordExchange(Exchange Exchange) : IRequest<RequestRecord>;

internal sealed class RecordExchangeHandler(IMediator mediator, TruncationDetector truncations, OllamaWatch ollama, RecordingOptions options)
    : IRequestHandler<RecordExchange, RequestRecord>
{
    public async Task<RequestRecord> Handle(RecordExchange command, CancellationToken cancellationToken)
    {
        var record = ToRecord(command.Exchange, options.PreviewLength) with
        {
            Truncation = truncations.Judge(command.Exchange)?.Name(),
            LoadCause = ollama.Observe(command.Exchange)?.Name(),
        };
        await mediator.Publish(new RequestRecorded(command.Exchange, record), cancellationToken);
        return record;
    }

    internal static RequestRecord ToRecord(Exchange exchange, int previewLength)
    {
        var (request, response, usage) = (exchange.Request, exchange.Response, exchange.Response.Usage);
        var phases = ExchangePhases.Of(exchange);
        return new RequestRecord
        {
            RequestId = exchange.Id,
            Timestamp = exchange.StartedAt,
            Model = ModelName.Normalize(request.Model ?? response.Model),
            Endpoint = exchange.Endpoint.Label,
            Method = exchange.Method,
            Category = PromptCategories.Of(request.Prompt).Label(),
            Prompt = Preview(request.Prompt, previewLength),
            System = Preview(request.System, previewLength),
            Response = Preview(response.Text, previewLength),
            Thinking = Preview(response.Thinking, previewLength),
            ToolCalls = Preview(response.ToolCalls, previewLength),
            Latency = exchange.Duration,
            TimeToFirstToken = response.TimeToFirstToken,
            TimeToHeaders = exchange.TimeToHeaders,
            MeanGap = response.MeanGap,
            LongestGap = response.LongestGap,
            InputTokens = usage.PromptTokens,
            CachedInputTokens = usage.CachedPromptTokens,
            OutputTokens = usage.CompletionTokens,
            TokensEstimated = usage.Estimated,
            TokensPerSecond = usage.TokensPerSecond,
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
            Status = exchange.Outcome.Status(),
            Outcome = exchange.Outcome.Name(),
            Error = Preview(exchange.Error, 1_000),
            ErrorType = ErrorTypes.Of(exchange)?.Name(),
            FinishReason = response.FinishReason,
            Stream = request.Stream,
            ClientIp = exchange.ClientAddress,
            UserAgent = Preview(exchange.UserAgent, 500),
            Application = ApplicationNames.Of(exchange.UserAgent),
            RequestBytes = exchange.RequestBytes,
            ResponseBytes = exchange.ResponseBytes,
            Target = Preview(exchange.Target, 500),
            MaxTokens = request.MaxTokens,
            KeepAlive = Preview(request.KeepAlive, 100),
            ToolCallCount = response.ToolCallCount,
            MessageCount = request.MessageCount,
            ImageCount = request.ImageCount,
            ToolCount = request.ToolCount,
            ContextLength = request.ContextLength,
            Temperature = request.Temperature,
            IsInference = exchange.Endpoint.IsInference && response.IsInference,
        };
    }

    /// <summary>The first characters of a text, never half of a surrogate pair.</summary>
    internal static string? Preview(string? text, int length)
    {
        if (text is null || text.Length <= length)
        {
            return text;
        }

        var end = length > 0 && char.IsHighSurrogate(text[length - 1]) ? length - 1 : length;
        return text[..end];
    }
}
