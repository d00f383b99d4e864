using System.Globalization;
using System.Net;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Import;

/// <summary>Converts rows of the original program to records. Values that it wrote without knowing them become unknown; nothing is guessed.</summary>
public static class OriginalRecords
{
    /// <summary>Longer than any request. A longer duration is invalid, and would exceed the range of its type.</summary>
    private const double MaxSeconds = 1e8;

    /// <summary>The original recorded the end of an unstreamed response as its first token: one within so many seconds of the end is none.</summary>
    private const double OnePiece = 0.001;

    /// <summary>The record of a row; null when the row has no time.</summary>
    public static RequestRecord? Of(OriginalInteraction row, RecordTexts texts)
    {
        if (ParseTime(row.Timestamp) is not { } timestamp)
        {
            return null;
        }

        var endpoint = EndpointOf(row.Endpoint);
        var outcome = row.Status == "error" || row.StatusCode >= 400 || !string.IsNullOrEmpty(row.Error)
            ? ExchangeOutcome.UpstreamError
            : ExchangeOutcome.Completed;
        var prompt = NotEmpty(row.Prompt);
        var firstToken = row.TimeToFirstToken < row.Duration - OnePiece ? Known(row.TimeToFirstToken) : null;
        return new RequestRecord
        {
            RequestId = IdOf(row, timestamp),
            Timestamp = timestamp,
            Model = ModelName.Normalize(row.Model is "unknown" ? null : row.Model),
            Endpoint = endpoint,
            Method = "POST",
            // Without a matching pattern, the original took a word of the prompt as the category.
            Category = PromptCategories.Of(prompt),
            Prompt = texts.Keep(prompt),
            Response = texts.Keep(NotEmpty(row.Response)),
            Latency = Seconds(row.Duration) ?? TimeSpan.Zero,
            TimeToFirstToken = firstToken,
            InputTokens = Count(row.InputTokens),
            OutputTokens = Count(row.OutputTokens),
            Stream = firstToken is null ? null : true,
            TokensPerSecond = row.TokensPerSecond is > 0 and < 1e9 ? row.TokensPerSecond : null,
            TotalDuration = Known(row.TotalDuration),
            LoadDuration = Known(row.LoadDuration),
            StatusCode = row.StatusCode is >= 100 and < 1000 ? (int)row.StatusCode : null,
            Outcome = outcome,
            Error = texts.Keep(NotEmpty(row.Error)),
            ClientIp = AddressOf(row.Client),
            UserAgent = TextCut.Beginning(NotEmpty(row.UserAgent), 500),
            Application = ApplicationNames.Of(NotEmpty(row.UserAgent)),
            IsInference = endpoint.IsInference,
        };
    }

    /// <summary>Parses a time; null for any other text.</summary>
    internal static DateTimeOffset? ParseTime(string? text)
    {
        // Go's text: date, time, offset, the zone's name, a monotonic reading. .NET's clock has seven of Go's nine decimals.
        var parts = (text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts is [var date, var clock, ['+' or '-', _, _, _, _] offset, ..])
        {
            return DateTimeOffset.TryParseExact(
                $"{date} {(clock.Length > 16 ? clock[..16] : clock)} {offset[..3]}:{offset[3..]}",
                ["yyyy-MM-dd HH:mm:ss zzz", "yyyy-MM-dd HH:mm:ss.FFFFFFF zzz"],
                CultureInfo.InvariantCulture,
                DateTimeStyles.None,
                out var go)
                ? go.ToUniversalTime()
                : null;
        }

        return text?.Length > 10 && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var other)
            ? other.ToUniversalTime()
            : null;
    }

    /// <summary>The same row has the same identifier in every import, so a repeated or resumed import adds nothing twice.</summary>
    private static string IdOf(OriginalInteraction row, DateTimeOffset timestamp) =>
        string.Create(CultureInfo.InvariantCulture, $"{timestamp.UtcTicks:x16}{row.Id:x16}");

    /// <summary>Its labels are paths without the first slash, and without <c>api/</c>.</summary>
    private static ApiEndpoint EndpointOf(string? text)
    {
        var path = (text ?? "").Trim('/');
        return path.Length == 0
            ? ApiEndpoint.Other
            : ApiEndpoint.FromPath($"/{path}") is var found && found != ApiEndpoint.Other
            ? found
            : ApiEndpoint.FromPath($"/api/{path}");
    }

    /// <summary>The address only. For a forwarded request, the address that forwarded it, because any client can forge the header.</summary>
    private static string? AddressOf(string? text)
    {
        const string Via = " (via ";
        var from = text?.LastIndexOf(Via, StringComparison.Ordinal) is >= 0 and var at ? text[(at + Via.Length)..].TrimEnd(')') : text;
        return IPEndPoint.TryParse(from ?? "", out var end) ? (end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : end.Address).ToString() : null;
    }

    private static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <summary>The original wrote 0 for unknown.</summary>
    private static int? Count(long? count) => count is > 0 and <= int.MaxValue ? (int)count : null;

    private static TimeSpan? Known(double? seconds) => seconds > 0 ? Seconds(seconds) : null;

    private static TimeSpan? Seconds(double? seconds) => seconds is >= 0 and < MaxSeconds ? TimeSpan.FromSeconds(seconds.Value) : null;
}
