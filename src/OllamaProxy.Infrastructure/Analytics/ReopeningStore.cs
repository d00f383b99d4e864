using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>
/// A store that survives the loss of its files. If it cannot be opened, opening is retried; if its files were deleted or
/// replaced, it is opened again; a damaged file is set aside. Until it is open, every call throws <see cref="AnalyticsStoreException"/> at once, and
/// <see cref="StoreHealth"/> says why.
/// </summary>
public sealed partial class ReopeningStore : IAnalyticsStore, IDisposable
{
    private readonly AnalyticsOptions _options;
    private readonly Func<StoreSuspicion, IAnalyticsStore> _create;
    private readonly StoreHealth _health;
    private readonly ILogger<ReopeningStore> _logger;

    /// <summary>Held by what opens and closes.</summary>
    private readonly SemaphoreSlim _tending = new(1, 1);

    private readonly SemaphoreSlim _attention = new(0, 1);
    private IAnalyticsStore _store;
    private volatile bool _isOpen;
    private StoreSuspicion _suspicion;
    private bool _isChecked;
    private bool _toldOfFolder;

    internal ReopeningStore(AnalyticsOptions options, Func<StoreSuspicion, IAnalyticsStore> create, StoreHealth health, ILogger<ReopeningStore> logger)
    {
        (_options, _create, _health, _logger) = (options, create, health, logger);
        _store = create(StoreSuspicion.None);
    }

    public string Backend => _store.Backend;

    public bool Remembers => _store.Remembers;

    /// <summary>The store itself, as it was opened last.</summary>
    public IAnalyticsStore Current => _store;

    /// <summary>Opens the store. Throws when it cannot be opened.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        await _tending.WaitAsync(cancellationToken);
        try
        {
            await OpenAnewAsync(cancellationToken);
        }
        finally
        {
            _tending.Release();
        }
    }

    /// <summary>Opens the store if it is closed or has lost its files. False when it cannot be opened; <see cref="StoreHealth"/> has the reason.</summary>
    public async Task<bool> TendAsync(CancellationToken cancellationToken)
    {
        await _tending.WaitAsync(cancellationToken);
        try
        {
            if (_isOpen && FindLoss() is { } loss)
            {
                Log.Lost(_logger, loss);
            }
            else if (_isOpen && _suspicion == StoreSuspicion.None)
            {
                await CheckServerAsync(cancellationToken);
                return true;
            }

            await OpenAnewAsync(cancellationToken);
            _health.Recover();
            return true;
        }
        catch (AnalyticsStoreException exception)
        {
            _health.Fail(exception.Message);
            return false;
        }
        // A store must not end the program, whatever its engine throws.
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            _health.Fail($"the analytics store cannot be opened ({exception.Message}).", exception);
            return false;
        }
        finally
        {
            _tending.Release();
        }
    }

    /// <summary>Waits until <see cref="TendAsync"/> is needed, at most for this time.</summary>
    public Task WaitForNeedAsync(TimeSpan most, CancellationToken cancellationToken) => _attention.WaitAsync(most, cancellationToken);

    public async Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken)
    {
        var store = Opened();
        if (FindLoss() is { } loss)
        {
            // Records written into a deleted file are lost, although the write succeeds.
            CallForAttention();
            throw new AnalyticsStoreException(loss);
        }

        try
        {
            await store.WriteAsync(batch, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            if ((store as IFileStore)?.IsDamage(exception) == true)
            {
                _suspicion = _isChecked ? StoreSuspicion.Condemned : StoreSuspicion.Check;
                CallForAttention();
            }

            if (exception is AnalyticsStoreException)
            {
                // Its message is already complete.
                _health.Fail(exception.Message);
            }
            else
            {
                _health.Fail($"the analytics store cannot be written ({exception.Message}).", exception);
            }

            throw;
        }

        _health.Recover();
    }

    public async IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var records = Opened().ReadAsync(filter, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await AskAsync(_ => records.MoveNextAsync().AsTask()))
        {
            yield return records.Current;
        }
    }

    public Task<IReadOnlySet<string>> RequestIdsAsync(RequestFilter filter, CancellationToken cancellationToken) =>
        AskAsync(store => store.RequestIdsAsync(filter, cancellationToken));

    public Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken) =>
        AskAsync(store => store.SearchAsync(query, cancellationToken));

    public Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken) => AskAsync(store => store.FindAsync(id, cancellationToken));

    public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken) => AskAsync(store => store.ModelsAsync(cancellationToken));

    public Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken) =>
        AskAsync(store => store.SummarizeAsync(query, cancellationToken));

    public Task<StoreInfo> DescribeAsync(CancellationToken cancellationToken) => AskAsync(store => store.DescribeAsync(cancellationToken));

    public Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken) => AskAsync(store => store.DeleteAsync(filter, cancellationToken));

    public Task<bool> DeleteAsync(long id, CancellationToken cancellationToken) => AskAsync(store => store.DeleteAsync(id, cancellationToken));

    public Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken) =>
        AskAsync(store => store.RetainAsync(rules, cancellationToken));

    public void Dispose()
    {
        _isOpen = false;
        (_store as IDisposable)?.Dispose();
    }

    /// <summary>After a failed write everything may have gone to disk, so that no further write would notice that the server is back.</summary>
    private async Task CheckServerAsync(CancellationToken cancellationToken)
    {
        if (_health.Problem is not null && _store is IServerStore server)
        {
            await server.CheckAsync(cancellationToken);
            _health.Recover();
        }
    }

    private IAnalyticsStore Opened() =>
        _isOpen ? _store : throw new AnalyticsStoreException(_health.Problem?.Text ?? "the analytics store is being opened.");

    private string? FindLoss() => (_store as IFileStore)?.FindLoss();

    /// <summary>Queries the store. A failure that its files explain is reported as such, and the files are checked.</summary>
    private async Task<T> AskAsync<T>(Func<IAnalyticsStore, Task<T>> ask)
    {
        var store = Opened();
        try
        {
            return await ask(store);
        }
        catch (Exception exception) when (exception is not OperationCanceledException && FindLoss() is { } loss)
        {
            CallForAttention();
            throw new AnalyticsStoreException(loss, exception);
        }
        catch (Exception exception) when ((store as IFileStore)?.IsDamage(exception) == true)
        {
            // After a full check, an unreadable part is no reason to give up the rest.
            if (!_isChecked)
            {
                _suspicion = StoreSuspicion.Check;
                CallForAttention();
            }

            throw new AnalyticsStoreException($"the analytics store is damaged ({exception.Message}).", exception);
        }
    }

    private void CallForAttention()
    {
        try
        {
            _attention.Release();
        }
        // The signal is already set.
        catch (SemaphoreFullException)
        {
        }
    }

    private async Task OpenAnewAsync(CancellationToken cancellationToken)
    {
        var suspicion = _suspicion;
        if (_isOpen)
        {
            _isOpen = false;
            // Disposing waits for running operations, which may take a while.
            await Task.Run(() => (_store as IDisposable)?.Dispose(), CancellationToken.None);
        }

        var store = _create(suspicion);
        try
        {
            await store.OpenAsync(cancellationToken);
        }
        catch
        {
            (store as IDisposable)?.Dispose();
            throw;
        }

        _store = store;
        (_suspicion, _isChecked, _isOpen) = (StoreSuspicion.None, suspicion == StoreSuspicion.Check, true);
        foreach (var file in (store as IFileStore)?.DamagedFiles ?? [])
        {
            Log.SetAside(_logger, file.Path, file.Reason, file.Now);
        }

        if (!_toldOfFolder && store is IFileStore && PrivateFiles.MayOthersWrite(_options.Directory))
        {
            _toldOfFolder = true;
            Log.OpenFolder(_logger, Path.GetFullPath(_options.Directory));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "Recording continues in a new analytics store: {Loss}")]
        public static partial void Lost(ILogger logger, string loss);

        [LoggerMessage(
            2, LogLevel.Error,
            "{Path} is damaged ({Reason}). It was renamed to {Now}, and recording continues in a new one. Delete the damaged file when you no longer need it.")]
        public static partial void SetAside(ILogger logger, string path, string reason, string now);

        [LoggerMessage(3, LogLevel.Warning,
            "Other users may write to the analytics folder {Folder}, so they can delete or replace its files. 'chmod go-w' removes that right.")]
        public static partial void OpenFolder(ILogger logger, string folder);
    }
}
