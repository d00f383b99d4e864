using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace OllamaProxy.SimulatedOllama;

/// <summary>The installed models, the loaded ones, and the requests that wait for them.</summary>
internal sealed partial class Models(SimulatedOllamaOptions options)
{
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, LoadedModel> _loaded = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, SimulatedModel> _models =
        new(options.Models.Select(model => KeyValuePair.Create(Canonical(model.Name), model)), StringComparer.OrdinalIgnoreCase);

    private readonly Lock _changing = new();
    private int _loading;

    /// <summary>Held while a model loads.</summary>
    private SemaphoreSlim Scheduler { get; } = new(1);

    public DateTimeOffset MadeAt { get; } = options.Time.GetUtcNow();

    public IReadOnlyList<SimulatedModel> All => [.. _models.Values.OrderBy(model => model.Name, StringComparer.Ordinal)];

    public IReadOnlyList<LoadedModel> Loaded => [.. _loaded.Values.Where(IsAlive)];

    public static string Canonical(string name)
    {
        name = name.Trim().Replace("registry.ollama.ai/", "", StringComparison.OrdinalIgnoreCase);
        name = name.StartsWith("library/", StringComparison.OrdinalIgnoreCase) ? name[8..] : name;
        return name.LastIndexOf(':') > name.LastIndexOf('/') ? name : name + ":latest";
    }

    public static bool IsName(string name) => ValidName().IsMatch(name);

    public SimulatedModel? Find(string name) => _models.GetValueOrDefault(Canonical(name));

    public void Add(SimulatedModel model) => _models[Canonical(model.Name)] = model;

    public bool Remove(string name) => _models.TryRemove(Canonical(name), out _);

    public void Unload(SimulatedModel model) => _loaded.TryRemove(model.Name, out _);

    /// <summary>Waits until the model is loaded and has a free slot. Disposing the result returns the slot.</summary>
    /// <param name="model">The model.</param>
    /// <param name="keepAlive">How long the model stays loaded afterward.</param>
    /// <param name="contextLength">The requested <c>num_ctx</c>; another value than the current one reloads the model. Null accepts the current one.</param>
    /// <param name="cancellationToken">The client disconnected.</param>
    public async Task<Slot> TakeAsync(SimulatedModel model, JsonElement? keepAlive, int? contextLength, CancellationToken cancellationToken)
    {
        var began = options.Time.GetTimestamp();
        var loaded = Use(model, contextLength) ?? await LoadAsync(model, contextLength, cancellationToken);
        var loadTime = options.Time.GetElapsedTime(began);
        loaded.ExpiresAt = Expiry(keepAlive);
        try
        {
            await loaded.Slots.WaitAsync(cancellationToken);
        }
        catch
        {
            Leave(loaded);
            throw;
        }

        return new Slot(loadTime, () =>
        {
            loaded.ExpiresAt = Expiry(keepAlive);
            loaded.Slots.Release();
            Leave(loaded);
        });
    }

    /// <summary>Returns the loaded model and protects it from being unloaded; null when it must be loaded first.</summary>
    private LoadedModel? Use(SimulatedModel model, int? contextLength)
    {
        lock (_changing)
        {
            if (_loaded.GetValueOrDefault(model.Name) is not { } loaded || !IsAlive(loaded) || (contextLength ?? loaded.ContextLength) != loaded.ContextLength)
            {
                return null;
            }

            loaded.Users++;
            loaded.UsedAt = options.Time.GetTimestamp();
            return loaded;
        }
    }

    private void Leave(LoadedModel loaded)
    {
        lock (_changing)
        {
            if (--loaded.Users == 0 && loaded.Unused is { } unused)
            {
                unused.SetResult();
            }
        }
    }

    /// <summary>Loads one model at a time, like the real scheduler.</summary>
    private async Task<LoadedModel> LoadAsync(SimulatedModel model, int? contextLength, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _loading) > options.MaxQueue)
        {
            Interlocked.Decrement(ref _loading);
            throw ApiFailure.Busy();
        }

        try
        {
            await Scheduler.WaitAsync(cancellationToken);
            try
            {
                if (Use(model, contextLength) is { } already)
                {
                    return already;
                }

                await MakeRoomAsync(model).WaitAsync(cancellationToken);
                if (model.LoadTime > TimeSpan.Zero)
                {
                    await Task.Delay(model.LoadTime, options.Time, cancellationToken);
                }

                var loaded = new LoadedModel(model, contextLength ?? model.ContextLength, options.NumParallel) { Users = 1,
                    UsedAt = options.Time.GetTimestamp() };
                _loaded[model.Name] = loaded;
                return loaded;
            }
            finally
            {
                Scheduler.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _loading);
        }
    }

    /// <summary>Unloads the same model with other parameters and, above the limit, the one unused for longest; each as soon as it is unused.</summary>
    private Task MakeRoomAsync(SimulatedModel model)
    {
        lock (_changing)
        {
            var leaving = _loaded.Values.Where(loaded => loaded.Model.Name == model.Name || !IsAlive(loaded)).ToList();
            var staying = _loaded.Values.Except(leaving).OrderBy(loaded => loaded.UsedAt).ToList();
            leaving.AddRange(staying.Take(options.MaxLoadedModels > 0 ? staying.Count - options.MaxLoadedModels + 1 : 0));
            leaving.ForEach(loaded => _loaded.TryRemove(loaded.Model.Name, out _));
            return Task.WhenAll(leaving.Where(loaded => loaded.Users > 0).Select(
                loaded => (loaded.Unused ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task));
        }
    }

    private bool IsAlive(LoadedModel loaded) => loaded.Users > 0 || loaded.ExpiresAt > options.Time.GetUtcNow();

    private DateTimeOffset Expiry(JsonElement? keepAlive)
    {
        var after = keepAlive switch
        {
            { ValueKind: JsonValueKind.Number } number => TimeSpan.FromSeconds(number.GetDouble()),
            { ValueKind: JsonValueKind.String } text => Duration(text.GetString()!),
            _ => s_keepAlive,
        };
        return options.Time.GetUtcNow() + (after < TimeSpan.Zero ? TimeSpan.FromDays(106_751) : after);
    }

    private static TimeSpan Duration(string text)
    {
        var sum = TimeSpan.Zero;
        foreach (Match part in GoDuration().Matches(text))
        {
            var value = double.Parse(part.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            sum += part.Groups[2].Value switch
            {
                "h" => TimeSpan.FromHours(value),
                "m" => TimeSpan.FromMinutes(value),
                "ms" => TimeSpan.FromMilliseconds(value),
                _ => TimeSpan.FromSeconds(value),
            };
        }

        return text.StartsWith('-') ? -TimeSpan.FromSeconds(1) : sum;
    }

    [GeneratedRegex(@"(\d+(?:\.\d+)?)(h|ms|m|s|$)")]
    private static partial Regex GoDuration();

    [GeneratedRegex(@"^[\w][\w.\-/]*(:[\w][\w.\-]*)?$")]
    private static partial Regex ValidName();
}

/// <summary>A model in memory.</summary>
internal sealed class LoadedModel(SimulatedModel model, int contextLength, int slots)
{
    public SimulatedModel Model { get; } = model;

    public int ContextLength { get; } = contextLength;

    public SemaphoreSlim Slots { get; } = new(slots);

    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>Requests that use it or wait for a slot.</summary>
    public int Users { get; set; }

    public long UsedAt { get; set; }

    /// <summary>Completes when its last request ends.</summary>
    public TaskCompletionSource? Unused { get; set; }
}

/// <summary>A slot of a loaded model.</summary>
internal readonly struct Slot(TimeSpan loadTime, Action done) : IDisposable
{
    public TimeSpan LoadTime { get; } = loadTime;

    public void Dispose() => done();
}
