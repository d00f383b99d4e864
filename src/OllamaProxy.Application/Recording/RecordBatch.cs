using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>
/// Records on their way into the store. Used by one worker only. A failed write keeps the batch for the next try; what no longer fits while the store
/// stays broken is dropped, counted and logged, and writing resumes by itself.
/// </summary>
public sealed partial class RecordBatch(IAnalyticsStore store, ProxyMetrics metrics, TimeProvider time, ILogger<RecordBatch> logger)
{
    /// <summary>Records held while the store cannot write.</summary>
    public const int Capacity = 10_000;

    private readonly List<RequestRecord> _records = [];
    private bool _failing;

    /// <summary>Records not written yet.</summary>
    public int Count => _records.Count;

    public void Add(RequestRecord record)
    {
        if (!store.Remembers)
        {
            return;
        }

        if (_records.Count >= Capacity)
        {
            metrics.RecordDropped("store_unavailable", 1);
            return;
        }

        _records.Add(record);
    }

    /// <summary>Writes what is waiting. False when the store could not: the records stay for the next call.</summary>
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
        // Whatever the store's engine throws (full disk, lock, corruption): the worker must go on.
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            metrics.StoreFailed();
            if (!_failing)
            {
                _failing = true;
                Log.WriteFailed(logger, exception, _records.Count);
            }

            return false;
        }

        if (_failing)
        {
            _failing = false;
            Log.WriteResumed(logger, _records.Count);
        }

        metrics.RecordsWritten(_records.Count, time.GetElapsedTime(begun));
        _records.Clear();
        return true;
    }

    /// <summary>Gives up what could not be written before the end; returns how many.</summary>
    public int Abandon()
    {
        var lost = _records.Count;
        if (lost > 0)
        {
            metrics.RecordDropped("store_unavailable", lost);
            Log.Abandoned(logger, lost);
            _records.Clear();
        }

        return lost;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The analytics store could not write {Count} records; they are kept and tried again. Clients are not affected.")]
        public static partial void WriteFailed(ILogger logger, Exception exception, int count);

        [LoggerMessage(2, LogLevel.Information, "The analytics store writes again; {Count} waiting records are stored.")]
        public static partial void WriteResumed(ILogger logger, int count);

        [LoggerMessage(3, LogLevel.Error, "{Count} records could not be stored before the end and are lost.")]
        public static partial void Abandoned(ILogger logger, int count);
    }
}
