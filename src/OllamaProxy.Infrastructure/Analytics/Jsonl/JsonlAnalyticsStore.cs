using System.Runtime.CompilerServices;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// Records as lines of JSON, a file for each UTC day of their timestamps; a day is compressed when a newer one has begun. What is asked is answered by reading
/// the files, of which only a small index of blocks is in memory.
/// </summary>
internal sealed class JsonlAnalyticsStore : IJsonlAnalyticsStore, IFileStore
{
    public const string LockName = "requests.lock";

    /// <summary>Records an export takes from the files at once.</summary>
    private const int ExportStep = 64;

    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly JsonlCatalog _catalog;
    private readonly JsonlRewriter _rewriter;
    private readonly JsonlRetention _retention;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private JsonlAppender? _appender;
    private StoreLock? _lock;
    private FileIdentity? _lockIdentity;
    private readonly bool _movesDamaged;
    private readonly StoreSuspicion _suspicion;

    public JsonlAnalyticsStore(AnalyticsOptions options, TimeProvider time, StoreSuspicion suspicion = StoreSuspicion.None)
    {
        (_directory, _time, _movesDamaged, _suspicion) = (Path.GetFullPath(options.Directory), time, options.MovesDamagedAside, suspicion);
        _catalog = new JsonlCatalog(_directory);
        _rewriter = new JsonlRewriter(_catalog, _writing);
        _retention = new JsonlRetention(_catalog, _rewriter);
    }

    public string Backend => "jsonl";

    public bool Remembers => true;

    public string CurrentFile => _catalog.PathOf(_catalog.Newest() ?? DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime), compressed: false);

    public IReadOnlyList<SetAside> DamagedFiles => _catalog.DamagedFiles;

    /// <summary>The compression of older days that runs in the background, or ran last.</summary>
    internal Task Compressing { get; private set; } = Task.CompletedTask;

    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            PrivateFiles.CreateFolder(_directory);
            _lock = StoreLock.Take(Path.Combine(_directory, LockName))
                ?? throw new AnalyticsStoreException(
                    $"the analytics folder {_directory} is in use by another ollama-proxy. Stop it, or set ANALYTICS_DIR to another folder.");
            // The lines of the newest day are all read.
            var lastId = await Task.Run(
                () => _catalog.Open(_movesDamaged, isOurs: _lock.WasUsed, isChecked: _suspicion != StoreSuspicion.None), cancellationToken);
            _appender = new JsonlAppender(_catalog, _directory, lastId);
            _lock.Mark();
            _lockIdentity = FileIdentity.Of(_lock.Path);
            Compressing = CompressAsync();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            _lock?.Dispose();
            throw new AnalyticsStoreException(Explain(exception), exception);
        }
    }

    public string? FindLoss() =>
        _lock is null || _lockIdentity is null ? null
        : FileIdentity.HasChanged(_lockIdentity, FileIdentity.Of(_lock.Path)) ? $"{_lock.Path} was deleted or replaced while it was open."
        : _catalog.FindLoss();

    public bool IsDamage(Exception exception) => exception is InvalidDataException or AnalyticsStoreException { InnerException: InvalidDataException };

    public Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken) => WritingAsync(
        () =>
        {
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            var newest = _catalog.Newest();
            _appender!.Append(batch);
            if (_catalog.Newest() > newest)
            {
                Compressing = CompressAsync();
            }
        },
        cancellationToken);

    public async IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var snapshot = _catalog.Take();
        using var records = JsonlSearch.InTime(snapshot, new JsonlFilter(filter), ascending: false, after: null, cancellationToken).GetEnumerator();
        List<RequestRecord> step = new(ExportStep);
        do
        {
            step.Clear();
            // Reading blocks its thread: not the caller's.
            await Task.Run(
                () =>
                {
                    while (step.Count < ExportStep && records.MoveNext())
                    {
                        step.Add(records.Current);
                    }
                },
                cancellationToken);
            foreach (var record in step)
            {
                yield return record;
            }
        }
        while (step.Count == ExportStep);
    }

    public Task<IReadOnlySet<string>> RequestIdsAsync(RequestFilter filter, CancellationToken cancellationToken) => ReadingAsync<IReadOnlySet<string>>(
        snapshot => JsonlSearch.Matching(snapshot, new JsonlFilter(filter), cancellationToken).Select(line => line.Text(RecordFields.RequestId) ?? "")
            .ToHashSet(StringComparer.Ordinal),
        cancellationToken);

    public Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken) =>
        ReadingAsync(snapshot => JsonlSearch.Page(snapshot, query, cancellationToken), cancellationToken);

    public Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken) =>
        ReadingAsync(snapshot => JsonlSearch.Find(snapshot, id), cancellationToken);

    public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken) =>
        ReadingAsync(snapshot => JsonlSearch.Models(snapshot, cancellationToken), cancellationToken);

    public Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken) =>
        ReadingAsync(snapshot => new JsonlStats(query).Of(snapshot, cancellationToken), cancellationToken);

    public Task<StoreInfo> DescribeAsync(CancellationToken cancellationToken) => ReadingAsync(
        snapshot =>
        {
            var blocks = snapshot.Blocks.Select(source => source.Block).Where(block => block.Count > 0).ToList();
            return new StoreInfo
            {
                Backend = Backend,
                DataDirectory = _directory,
                TotalRecords = blocks.Sum(block => (long)block.Count),
                SizeBytes = _catalog.SizeBytes() + (_lock?.Size ?? 0),
                Oldest = blocks.Count == 0 ? null : Micros.Instant(blocks.Min(block => block.MinTime)),
                Newest = blocks.Count == 0 ? null : Micros.Instant(blocks.Max(block => block.MaxTime)),
            };
        },
        cancellationToken);

    public Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken) =>
        ChangingAsync(stop => _retention.DeleteAsync(filter, stop), cancellationToken);

    public Task<bool> DeleteAsync(long id, CancellationToken cancellationToken) => ChangingAsync(stop => _retention.DeleteAsync(id, stop), cancellationToken);

    public async Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken)
    {
        // Late records, and days whose compression failed; before anything goes because it takes too much room.
        await ChangingAsync(CompressClosedAsync, cancellationToken);
        return await ChangingAsync(stop => _retention.RetainAsync(rules, stop), cancellationToken);
    }

    /// <summary>Compresses what was written so far; the next batch begins a new file.</summary>
    public Task RollAsync(CancellationToken cancellationToken) => ChangingAsync(
        async stop =>
            _catalog.Newest() is { } day && _catalog.PlainOf(day) is not null ? await _rewriter.RewriteAsync(day, JsonlChange.None, compress: true, stop) : 0,
        cancellationToken);

    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        // What runs ends at its next block; its temporary file is removed.
        _stop.Cancel();
        _changing.Wait();
        _writing.Wait();
        _lock?.Dispose();
        _writing.Release();
        _changing.Release();
    }

    private async Task CompressAsync()
    {
        try
        {
            await ChangingAsync(CompressClosedAsync, _stop.Token);
        }
        // The lines stay readable as they are; the next day, the next start and the hourly retention try again.
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or OperationCanceledException)
        {
        }
    }

    private async Task<long> CompressClosedAsync(CancellationToken cancellationToken)
    {
        foreach (var day in _catalog.ToCompress())
        {
            await _rewriter.RewriteAsync(day, JsonlChange.None, compress: true, cancellationToken);
        }

        return 0;
    }

    private async Task<T> ReadingAsync<T>(Func<JsonlSnapshot, T> read, CancellationToken cancellationToken)
    {
        using var snapshot = _catalog.Take();
        return await Task.Run(() => read(snapshot), cancellationToken);
    }

    private async Task WritingAsync(Action write, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await Task.Run(write, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>One change at a time, away from the caller's thread, and none after the end.</summary>
    private async Task<T> ChangingAsync<T>(Func<CancellationToken, Task<T>> change, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        await _changing.WaitAsync(either.Token);
        try
        {
            return await Task.Run(() => change(either.Token), either.Token);
        }
        finally
        {
            _changing.Release();
        }
    }

    private string Explain(Exception exception) => exception switch
    {
        InvalidDataException =>
            $"a file of the analytics folder {_directory} is damaged ({exception.Message}). Move it away, or set ANALYTICS_DIR to another folder.",
        _ => $"the analytics folder {_directory} cannot be opened or written ({exception.Message}). Set ANALYTICS_DIR to a folder this user may write to, "
            + "or ANALYTICS_BACKEND=none.",
    };
}
