using Npgsql;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Reads a record, one column after the other, in the order of <see cref="Columns"/>.</summary>
internal struct PostgresRow
{
    private readonly NpgsqlDataReader _reader;
    private int _at;

    private PostgresRow(NpgsqlDataReader reader) => _reader = reader;

    /// <summary>The columns, of a request <c>r</c> and its texts <c>t</c>.</summary>
    public static string Columns { get; } =
        $"r.id, {PostgresColumn.Names(PostgresColumn.OfRequests, "r.")}, {PostgresColumn.Names(PostgresColumn.OfTexts, "t.")}";

    public static RequestRecord Read(NpgsqlDataReader reader)
    {
        var row = new PostgresRow(reader);
        return new RequestRecord
        {
            Id = row.Long(),
            Timestamp = PostgresTime.Instant(row.Time()),
            RequestId = row.Text()!,
            Model = row.Text(),
            Endpoint = row.Text()!,
            Method = row.Text()!,
            Category = row.Text()!,
            Latency = row.Duration()!.Value,
            TimeToFirstToken = row.Duration(),
            TimeToHeaders = row.Duration(),
            MeanGap = row.Duration(),
            LongestGap = row.Duration(),
            InputTokens = row.Number(),
            CachedInputTokens = row.Number(),
            OutputTokens = row.Number(),
            TokensEstimated = row.Flag()!.Value,
            TokensPerSecond = row.Double(),
            SpeedEstimated = row.Flag()!.Value,
            TotalDuration = row.Duration(),
            LoadDuration = row.Duration(),
            LoadCause = row.Text(),
            PromptEvalDuration = row.Duration(),
            EvalDuration = row.Duration(),
            QueueTime = row.Duration(),
            ConnectTime = row.Duration(),
            EngineWait = row.Duration(),
            DecodeTime = row.Duration(),
            BackPressure = row.Duration(),
            PromptTokensPerSecond = row.Double(),
            ErrorType = row.Text(),
            Truncation = row.Text(),
            StatusCode = row.Number(),
            Status = row.Text()!,
            Outcome = row.Text()!,
            Error = row.Text(),
            FinishReason = row.Text(),
            Stream = row.Flag(),
            ClientIp = row.Text(),
            UserAgent = row.Text(),
            Application = row.Text(),
            Target = row.Text(),
            MaxTokens = row.Number(),
            KeepAlive = row.Text(),
            ToolCallCount = row.Number(),
            RequestBytes = row.Long(),
            ResponseBytes = row.Long(),
            MessageCount = row.Number(),
            ImageCount = row.Number(),
            ToolCount = row.Number(),
            ContextLength = row.Number(),
            Temperature = row.Double(),
            IsInference = row.Short() != 0,
            Proxy = row.Text(),
            Backend = row.Text(),
            Prompt = row.Text(),
            System = row.Text(),
            Response = row.Text(),
            Thinking = row.Text(),
            ToolCalls = row.Text(),
        };
    }

    private DateTime Time() => _reader.GetDateTime(_at++);

    private long Long() => _reader.GetInt64(_at++);

    private short Short() => _reader.GetInt16(_at++);

    private string? Text() => Next() is { } at ? _reader.GetString(at) : null;

    private TimeSpan? Duration() => Next() is { } at ? PostgresTime.Duration(_reader.GetInt64(at)) : null;

    private int? Number() => Next() is { } at ? _reader.GetInt32(at) : null;

    private double? Double() => Next() is { } at ? _reader.GetDouble(at) : null;

    private bool? Flag() => Next() is { } at ? _reader.GetBoolean(at) : null;

    /// <summary>The next column; null when its value is NULL.</summary>
    private int? Next()
    {
        var at = _at++;
        return _reader.IsDBNull(at) ? null : at;
    }
}
