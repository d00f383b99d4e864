using Microsoft.Data.Sqlite;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// A filter as a condition, put together from fixed texts, and the values of its parameters. Those of a page stand here too, as Dapper.AOT takes one object.
/// </summary>
internal sealed class SqliteFilter
{
    public string? Model { get; set; }

    public string? Endpoint { get; set; }

    public string? Category { get; set; }

    public string? Status { get; set; }

    public string? Outcome { get; set; }

    public string? ErrorType { get; set; }

    public string? Client { get; set; }

    public string? Application { get; set; }

    public string? Proxy { get; set; }

    public string? Backend { get; set; }

    public string? RequestId { get; set; }

    public string? Search { get; set; }

    public string? PromptSearch { get; set; }

    public long? From { get; set; }

    public long? To { get; set; }

    public long? MinInputTokens { get; set; }

    public long? MaxInputTokens { get; set; }

    public long? MinOutputTokens { get; set; }

    public long? MaxOutputTokens { get; set; }

    public long? MinLatency { get; set; }

    public long? MaxLatency { get; set; }

    public long? IsInference { get; set; }

    /// <summary>The question to a part of the text index (<see cref="SqliteTextIndex.Match"/>).</summary>
    public string? Match { get; set; }

    public double? AfterValue { get; set; }

    public long? AfterId { get; set; }

    public int Limit { get; set; }

    public static SqliteFilter Of(RequestFilter filter) => new()
    {
        Model = ModelName.Normalize(filter.Model),
        Endpoint = filter.Endpoint,
        Category = filter.Category,
        Status = filter.Status,
        Outcome = filter.Outcome,
        ErrorType = filter.ErrorType,
        Client = filter.Client,
        Application = filter.Application,
        Proxy = filter.Proxy,
        Backend = filter.Backend,
        RequestId = filter.RequestId,
        Search = string.IsNullOrEmpty(filter.Search) ? null : filter.Search,
        PromptSearch = string.IsNullOrEmpty(filter.PromptSearch) ? null : filter.PromptSearch,
        // Finer than a microsecond: inwards.
        From = filter.From is { } from ? SqliteRow.Micros(from) + (from.UtcTicks % TimeSpan.TicksPerMicrosecond == 0 ? 0 : 1) : null,
        To = filter.To is { } to ? SqliteRow.Micros(to) : null,
        MinInputTokens = filter.MinInputTokens,
        MaxInputTokens = filter.MaxInputTokens,
        MinOutputTokens = filter.MinOutputTokens,
        MaxOutputTokens = filter.MaxOutputTokens,
        MinLatency = (filter.MinLatency?.Ticks + TimeSpan.TicksPerMicrosecond - 1) / TimeSpan.TicksPerMicrosecond,
        MaxLatency = filter.MaxLatency?.Ticks / TimeSpan.TicksPerMicrosecond,
        IsInference = filter.IsInference is { } inference ? (inference ? 1 : 0) : null,
        Match = SqliteTextIndex.Match(filter.Search, filter.PromptSearch),
    };

    /// <summary>True when the hourly sums cannot tell: they do not know the single record.</summary>
    public bool NeedsRows =>
        (Search, PromptSearch, ErrorType, RequestId) is not (null, null, null, null)
        || (MinInputTokens ?? MaxInputTokens ?? MinOutputTokens ?? MaxOutputTokens ?? MinLatency ?? MaxLatency) is not null;

    /// <summary>The condition on records, to stand behind WHERE.</summary>
    public string Condition()
    {
        string[] conditions =
        [
            "1 = 1",
            .. LabelConditions(),
            // No success has one, and the partial index has no success.
            ErrorType is null ? "" : "status <> 'success' AND error_type = @ErrorType",
            Client is null ? "" : "client_ip = @Client",
            RequestId is null ? "" : "request_id = @RequestId",
            From is null ? "" : "timestamp_us >= @From",
            To is null ? "" : "timestamp_us <= @To",
            MinInputTokens is null ? "" : "input_tokens >= @MinInputTokens",
            MaxInputTokens is null ? "" : "input_tokens <= @MaxInputTokens",
            MinOutputTokens is null ? "" : "output_tokens >= @MinOutputTokens",
            MaxOutputTokens is null ? "" : "output_tokens <= @MaxOutputTokens",
            MinLatency is null ? "" : "latency_us >= @MinLatency",
            MaxLatency is null ? "" : "latency_us <= @MaxLatency",
            PromptSearch is null ? "" : $"{SqliteFunctions.Contains}(prompt, @PromptSearch)",
            Search is null ? "" : $"({SqliteFunctions.Contains}(prompt, @Search) OR {SqliteFunctions.Contains}(response, @Search))",
        ];
        return And(conditions);
    }

    /// <summary>The condition on the labels of hourly sums; empty for any.</summary>
    public string LabelCondition() => And(LabelConditions());

    /// <summary>Whether there is a condition on another label than whether it is an inference.</summary>
    public bool HasLabels =>
        (Model, Endpoint, Category, Status, Outcome, Application, Proxy, Backend) is not (null, null, null, null, null, null, null, null);

    private IEnumerable<string> LabelConditions() =>
    [
        Model is null ? "" : "model = @Model",
        Endpoint is null ? "" : "endpoint = @Endpoint",
        Category is null ? "" : "category = @Category",
        // Repeats the condition of the partial index, so that the planner uses it.
        Status is null ? "" : Status == "success" ? "status = @Status" : "status <> 'success' AND status = @Status",
        Outcome is null ? "" : "outcome = @Outcome",
        Application is null ? "" : "application = @Application",
        Proxy is null ? "" : "proxy = @Proxy",
        Backend is null ? "" : "backend = @Backend",
        IsInference is null ? "" : "is_inference = @IsInference",
    ];

    private static string And(IEnumerable<string> conditions) => string.Join(" AND ", conditions.Where(condition => condition.Length > 0));

    /// <summary>For what is read without Dapper.</summary>
    public void AddTo(SqliteCommand command, SqliteCandidates candidates)
    {
        (string Name, object? Value)[] values =
        [
            ("@Model", Model), ("@Endpoint", Endpoint), ("@Category", Category), ("@Status", Status), ("@Outcome", Outcome), ("@ErrorType", ErrorType),
            ("@Client", Client), ("@Application", Application), ("@Proxy", Proxy), ("@Backend", Backend), ("@RequestId", RequestId),
            ("@Search", Search), ("@PromptSearch", PromptSearch), ("@From", From), ("@To", To), ("@MinInputTokens", MinInputTokens),
            ("@MaxInputTokens", MaxInputTokens),
            ("@MinOutputTokens", MinOutputTokens), ("@MaxOutputTokens", MaxOutputTokens), ("@MinLatency", MinLatency), ("@MaxLatency", MaxLatency),
            ("@IsInference", IsInference),
            ("@Match", Match), ("@AfterValue", AfterValue), ("@AfterId", AfterId), ("@Limit", Limit), ("@Ids", candidates.Ids),
        ];
        foreach (var (name, value) in values)
        {
            if (value is not null)
            {
                command.Parameters.AddWithValue(name, value);
            }
        }
    }
}
