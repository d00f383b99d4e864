using System.Buffers;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Writes rows, past ADO.NET: it finds each of these parameters by name, for each row, which took nine times as long as the same row bound by position and allocated
/// thirty times as much (docs/performance.md). For one batch, inside its transaction.
/// </summary>
internal sealed class SqliteInsert : IDisposable
{
    /// <summary>Bytes of a text that need no rented buffer.</summary>
    private const int ShortText = 512;

    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt _statement;
    private int _position;

    /// <param name="connection">The writer's. Throws <see cref="SqliteException"/> when the file is of another format.</param>
    public SqliteInsert(SqliteConnection connection)
    {
        _connection = connection;
        Check(raw.sqlite3_prepare_v2(connection.Handle, s_sql, out _statement));
    }

    /// <summary>Writes a row. Throws <see cref="SqliteException"/> when it cannot: the disk is full, or a value is not what its column takes.</summary>
    public void Write(SqliteRow row)
    {
        _position = 0;
        // All values are NULL then; most columns of a row stay so, at no cost.
        _ = raw.sqlite3_clear_bindings(_statement);
        foreach (var (_, add) in s_columns)
        {
            add(this, row);
        }

        var result = raw.sqlite3_step(_statement);
        // Gives the step's error again, which is known already.
        _ = raw.sqlite3_reset(_statement);
        Check(result);
    }

    public void Dispose() => _statement.Dispose();

    private void Add(long value) => Check(raw.sqlite3_bind_int64(_statement, ++_position, value));

    private void Add(long? value)
    {
        _position++;
        if (value is { } known)
        {
            Check(raw.sqlite3_bind_int64(_statement, _position, known));
        }
    }

    private void Add(double? value)
    {
        _position++;
        if (value is { } known)
        {
            Check(raw.sqlite3_bind_double(_statement, _position, known));
        }
    }

    private void Add(string? value)
    {
        if (value is null)
        {
            _position++;
            return;
        }

        if (value.Length == 0)
        {
            // An empty span has no address, and what has none is NULL.
            Check(raw.sqlite3_bind_text(_statement, ++_position, ""));
            return;
        }

        var most = Encoding.UTF8.GetMaxByteCount(value.Length);
        var rented = most > ShortText ? ArrayPool<byte>.Shared.Rent(most) : null;
        Span<byte> buffer = rented is null ? stackalloc byte[ShortText] : rented;
        // SQLite makes a copy of its own.
        Check(raw.sqlite3_bind_text(_statement, ++_position, buffer[..Encoding.UTF8.GetBytes(value, buffer)]));
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void Check(int result) => SqliteException.ThrowExceptionForRC(result, _connection.Handle);

    /// <summary>The columns and what is in them, side by side: the statement is made of this table.</summary>
    private static readonly (string Column, Action<SqliteInsert, SqliteRow> Add)[] s_columns =
    [
        ("id", static (values, row) => values.Add(row.Id)),
        ("request_id", static (values, row) => values.Add(row.RequestId)),
        ("timestamp_us", static (values, row) => values.Add(row.TimestampUs)),
        ("model", static (values, row) => values.Add(row.Model)),
        ("endpoint", static (values, row) => values.Add(row.Endpoint)),
        ("method", static (values, row) => values.Add(row.Method)),
        ("category", static (values, row) => values.Add(row.Category)),
        ("prompt", static (values, row) => values.Add(row.Prompt)),
        ("system", static (values, row) => values.Add(row.System)),
        ("response", static (values, row) => values.Add(row.Response)),
        ("thinking", static (values, row) => values.Add(row.Thinking)),
        ("tool_calls", static (values, row) => values.Add(row.ToolCalls)),
        ("latency_us", static (values, row) => values.Add(row.LatencyUs)),
        ("time_to_first_token_us", static (values, row) => values.Add(row.TimeToFirstTokenUs)),
        ("time_to_headers_us", static (values, row) => values.Add(row.TimeToHeadersUs)),
        ("mean_gap_us", static (values, row) => values.Add(row.MeanGapUs)),
        ("longest_gap_us", static (values, row) => values.Add(row.LongestGapUs)),
        ("input_tokens", static (values, row) => values.Add(row.InputTokens)),
        ("cached_input_tokens", static (values, row) => values.Add(row.CachedInputTokens)),
        ("output_tokens", static (values, row) => values.Add(row.OutputTokens)),
        ("tokens_estimated", static (values, row) => values.Add(row.TokensEstimated)),
        ("tokens_per_second", static (values, row) => values.Add(row.TokensPerSecond)),
        ("speed_estimated", static (values, row) => values.Add(row.SpeedEstimated)),
        ("total_duration_us", static (values, row) => values.Add(row.TotalDurationUs)),
        ("load_duration_us", static (values, row) => values.Add(row.LoadDurationUs)),
        ("prompt_eval_duration_us", static (values, row) => values.Add(row.PromptEvalDurationUs)),
        ("eval_duration_us", static (values, row) => values.Add(row.EvalDurationUs)),
        ("queue_time_us", static (values, row) => values.Add(row.QueueTimeUs)),
        ("connect_time_us", static (values, row) => values.Add(row.ConnectTimeUs)),
        ("engine_wait_us", static (values, row) => values.Add(row.EngineWaitUs)),
        ("decode_time_us", static (values, row) => values.Add(row.DecodeTimeUs)),
        ("back_pressure_us", static (values, row) => values.Add(row.BackPressureUs)),
        ("prompt_tokens_per_second", static (values, row) => values.Add(row.PromptTokensPerSecond)),
        ("error_type", static (values, row) => values.Add(row.ErrorType)),
        ("truncation", static (values, row) => values.Add(row.Truncation)),
        ("status_code", static (values, row) => values.Add(row.StatusCode)),
        ("status", static (values, row) => values.Add(row.Status)),
        ("outcome", static (values, row) => values.Add(row.Outcome)),
        ("error", static (values, row) => values.Add(row.Error)),
        ("finish_reason", static (values, row) => values.Add(row.FinishReason)),
        ("stream", static (values, row) => values.Add(row.Stream)),
        ("client_ip", static (values, row) => values.Add(row.ClientIp)),
        ("user_agent", static (values, row) => values.Add(row.UserAgent)),
        ("application", static (values, row) => values.Add(row.Application)),
        ("target", static (values, row) => values.Add(row.Target)),
        ("max_tokens", static (values, row) => values.Add(row.MaxTokens)),
        ("keep_alive", static (values, row) => values.Add(row.KeepAlive)),
        ("tool_call_count", static (values, row) => values.Add(row.ToolCallCount)),
        ("request_bytes", static (values, row) => values.Add(row.RequestBytes)),
        ("response_bytes", static (values, row) => values.Add(row.ResponseBytes)),
        ("message_count", static (values, row) => values.Add(row.MessageCount)),
        ("image_count", static (values, row) => values.Add(row.ImageCount)),
        ("tool_count", static (values, row) => values.Add(row.ToolCount)),
        ("context_length", static (values, row) => values.Add(row.ContextLength)),
        ("temperature", static (values, row) => values.Add(row.Temperature)),
        ("is_inference", static (values, row) => values.Add(row.IsInference)),
        ("load_cause", static (values, row) => values.Add(row.LoadCause)),
    ];

    private static readonly string s_sql =
        $"INSERT INTO requests ({string.Join(", ", s_columns.Select(row => row.Column))}) VALUES ({string.Join(", ", Enumerable.Repeat("?", s_columns.Length))})";
}
