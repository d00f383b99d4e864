using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>
/// The records of the next write. Used by one worker only. A failed write keeps them for the next attempt; records beyond the capacity are dropped, counted
/// and logged, and writing resumes by itself.
/// </summary>
public sealed partial class RecordBatch(IAnalyticsStore store, ProxyMetrics metrics, TimeProvider time, ILogger<RecordBatch> logger, IRecordSpool? spool = null)
{
    /// <summary>Records collected before they are spooled: fewer would make many small files, more would be lost by a kill.</summary>
    private const int SpoolSize = 1_000;

    /// <summary>Characters of text collected before they are spooled.</summary>
    private const long SpoolText = 4 << 20;

    /// <summary>Records kept in memory while the store cannot write.</summary>
    public const int Capacity = 10_000;

    /// <summary>Characters of their texts: with <c>ANALYTICS_CAPTURE=full</c>, that many records would take gigabytes.</summary>
    public const long TextCapacity = 32 << 20;

    private readonly List<RequestRecord> _records = [];
    private long _text;
    private long _dropped;
    private string? _failure;

    public int Count => _records.Count;

    /// <summary>Records lost at shutdown.</summary>
    public int Lost { get; private set; }

    public void Add(RequestRecord record)
    {
        if (!store.Remembers)
        {
            return;
        }

        if (_records.Count >= Capacity || _text >= TextCapacity)
        {
            metrics.CountDropped("store_unavailable", 1);
            if (_dropped++ == 0)
            {
                Log.DroppingBegins(logger, _records.Count);
            }

            return;
        }

        _records.Add(record);
        _text += TextOf(record);
    }

    /// <summary>Writes the batch. False when the store failed: the records stay for the next call.</summary>
    public async Task<bool> WriteAsync(CancellationToken cancellationToken)
    {
        if (_records.Count == 0)
        {
            return true;
        }

        var begun = time.GetTimestamp();
        try
        {
            await store.WriteAsync(_records, cancellationToken);
        }
        // A store may throw anything (full disk, lock, corruption), and the worker must go on.
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            metrics.CountStoreFailure();
            _failure = exception.Message;
            if ((_records.Count >= SpoolSize || _text >= SpoolText) && spool?.TryAdd(_records) == true)
            {
                Clear();
            }

            return false;
        }

        if (_failure is not null)
        {
            Log.WriteResumed(logger, _records.Count, _dropped);
            (_failure, _dropped) = (null, 0);
        }

        metrics.RecordWrite(_records.Count, time.GetElapsedTime(begun));
        Clear();
        return true;
    }

    /// <summary>Spools or drops the rest at shutdown; returns how many records were lost.</summary>
    public int Abandon()
    {
        if (_records.Count > 0 && spool?.TryAdd(_records) == true)
        {
            Log.Spooled(logger, _records.Count);
            Clear();
        }

        Lost = _records.Count;
        if (Lost > 0)
        {
            metrics.CountDropped("store_unavailable", Lost);
            Log.Abandoned(logger, Lost, _failure);
            Clear();
        }

        return Lost;
    }

    private static long TextOf(RequestRecord record) =>
        (long)(record.Prompt?.Length ?? 0) + (record.System?.Length ?? 0) + (record.Response?.Length ?? 0)
        + (record.Thinking?.Length ?? 0) + (record.ToolCalls?.Length ?? 0);

    private void Clear()
    {
        _records.Clear();
        _text = 0;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error,
            "The analytics store cannot be written and the memory for records is full ({Count}). Further records are dropped and counted.")]
        public static partial void DroppingBegins(ILogger logger, int count);

        [LoggerMessage(2, LogLevel.Information, "The analytics store works again. Stored from memory: {Count}. Dropped: {Dropped}.")]
        public static partial void WriteResumed(ILogger logger, int count, long dropped);

        [LoggerMessage(4, LogLevel.Information, "Records spooled to disk because the database is unreachable: {Count}. The next start stores them.")]
        public static partial void Spooled(ILogger logger, int count);

        [LoggerMessage(3, LogLevel.Error, "Records lost because the store could not write them before the stop: {Count}. {Failure}")]
        public static partial void Abandoned(ILogger logger, int count, string? failure);
    }
}
