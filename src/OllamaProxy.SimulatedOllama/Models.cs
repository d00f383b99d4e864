using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace OllamaProxy.SimulatedOllama;

/// <summary>The models there are, which of them are loaded, and who waits for them.</summary>
internal sealed partial class Models(SimulatedOllamaOptions options)
{
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, LoadedModel> _loaded = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, SimulatedModel> _models =
        new(options.Models.Select(model => KeyValuePair.Create(Canonical(model.Name), model)), StringComparer.OrdinalIgnoreCase);

    private int _loading;

    public DateTimeOffset MadeAt { get; } = options.Time.GetUtcNow();

    public IReadOnlyList<SimulatedModel> All => [.. _models.Values.OrderBy(model => model.Name, StringComparer.Ordinal)];

    public IReadOnlyList<LoadedModel> Loaded => [.. _loaded.Values.Where(model => model.IsLoaded && model.ExpiresAt > options.Time.GetUtcNow())];

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

    /// <summary>Waits until the model is loaded and has a slot; disposing the answer gives the slot back.</summary>
    public async Task<Slot> TakeAsync(SimulatedModel model, JsonElement? keepAlive, CancellationToken cancellationToken)
    {
        var began = options.Time.GetTimestamp();
        var loaded = _loaded.GetOrAdd(model.Name, _ => new LoadedModel(model, options.NumParallel));
        if (!loaded.IsLoaded || loaded.ExpiresAt <= options.Time.GetUtcNow())
        {
            await LoadAsync(loaded, cancellationToken);
        }

        var loadTime = options.Time.GetElapsedTime(began);
        loaded.ExpiresAt = Expiry(keepAlive);
        await loaded.Slots.WaitAsync(cancellationToken);
        return new Slot(loaded, loadTime, () => loaded.ExpiresAt = Expiry(keepAlive));
    }

    private async Task LoadAsync(LoadedModel loaded, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _loading) > options.MaxQueue)
        {
            Interlocked.Decrement(ref _loading);
            throw ApiFailure.Busy();
        }

        try
        {
            await loaded.Load.WaitAsync(cancellationToken);
            try
            {
                if (loaded.Model.LoadTime > TimeSpan.Zero && !(loaded.IsLoaded && loaded.ExpiresAt > options.Time.GetUtcNow()))
                {
                    await Task.Delay(loaded.Model.LoadTime, options.Time, cancellationToken);
                }

                loaded.IsLoaded = true;
            }
            finally
            {
                loaded.Load.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _loading);
        }
    }

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

/// <summary>A model in memory, or on its way there.</summary>
internal sealed class LoadedModel(SimulatedModel model, int slots)
{
    public SimulatedModel Model { get; } = model;

    public SemaphoreSlim Slots { get; } = new(slots);

    public SemaphoreSlim Load { get; } = new(1);

    public bool IsLoaded { get; set; }

    public DateTimeOffset ExpiresAt { get; set; }
}

/// <summary>A place to generate in.</summary>
internal readonly struct Slot(LoadedModel loaded, TimeSpan loadTime, Action done) : IDisposable
{
    public TimeSpan LoadTime { get; } = loadTime;

    public void Dispose()
    {
        done();
        loaded.Slots.Release();
    }
}
