using System.Text;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.UnitTests.Logging;

/// <summary>Log lines that the tests of the formats share.</summary>
internal static class LogLines
{
    public static RequestRecord Chat { get; } = new()
    {
        RequestId = "0123456789abcdef0123456789abcdef",
        Timestamp = DateTimeOffset.UnixEpoch,
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat?key=hidden",
        Category = PromptCategory.Other,
        Model = "qwen3:8b",
        Prompt = "zanzibar-secret",
        Response = "zanzibar-secret",
        Error = "zanzibar-secret",
        Latency = TimeSpan.FromSeconds(2.5),
        TimeToFirstToken = TimeSpan.FromMilliseconds(180),
        InputTokens = 30,
        OutputTokens = 58,
        TokensPerSecond = 61.4,
        StatusCode = 200,
        Outcome = ExchangeOutcome.Completed,
        Application = "open-webui",
        ClientIp = "192.168.1.20",
    };

    public static RequestRecord List { get; } = Chat with
    {
        Endpoint = ApiEndpoint.FromLabel("tags")!, Method = "GET", Target = "/api/tags", Model = null, Application = null,
        Latency = TimeSpan.FromMilliseconds(4.6), TimeToFirstToken = null, InputTokens = null, OutputTokens = null, TokensPerSecond = null,
    };

    public static RequestRecord Missing { get; } = List with
    {
        Endpoint = ApiEndpoint.Chat, Method = "POST", Target = "/api/chat", Model = "nope:latest", StatusCode = 404, Outcome = ExchangeOutcome.UpstreamError,
        ErrorType = ErrorType.ModelNotFound, Application = "curl",
    };

    public static RequestRecord Cancelled { get; } = Chat with
    {
        Outcome = ExchangeOutcome.ClientCancelled, ErrorType = ErrorType.ClientAbort, TokensPerSecond = null, TokensEstimated = true,
    };

    public static string Of(LogFormat format, RequestRecord record) => Written(format, LogLevel.Information, new RequestLine(record), null);

    public static string Of(LogFormat format, LogLevel level, string message, Exception? exception = null, string category = "OllamaProxy.Something") =>
        Written(format, level, message, exception, category);

    /// <summary>A message with named values, as generated logging methods produce it.</summary>
    public static string Of(LogFormat format, string message, params KeyValuePair<string, object?>[] parts)
    {
        var line = new StringBuilder();
        format.Append(line, LogItem.Of(Time, LogLevel.Warning, "OllamaProxy.Something", parts, null, (_, _) => message));
        return line.ToString();
    }

    private static DateTimeOffset Time { get; } = new(2026, 11, 30, 13, 42, 43, 514, TimeSpan.FromHours(1));

    private static string Written<TState>(LogFormat format, LogLevel level, TState state, Exception? exception, string category = "OllamaProxy.Something")
    {
        var line = new StringBuilder();
        format.Append(line, LogItem.Of(Time, level, category, state, exception, (text, _) => text!.ToString()!));
        return line.ToString();
    }
}
