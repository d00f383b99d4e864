using System.Collections.Concurrent;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Application.Telemetry;

/// <summary>
/// Turns model names into label values, at most a fixed number of them: a client may send any text as a model name, and each new value would be
/// a new series for ever. The first names Ollama accepts get a label of their own; every later one is <c>other</c>. A label is the model's display name. When
/// Ollama's own spelling becomes known only after a client's, the model continues under a second label.
/// </summary>
public sealed class ModelLabels(int capacity, ModelNames names)
{
    public const string Other = "other";
    public const string Unknown = "unknown";

    private readonly ConcurrentDictionary<string, string> _known = new(StringComparer.Ordinal);
    private readonly Lock _adding = new();
    private long _limited;

    /// <summary>How often a name that exists found no place.</summary>
    public long Limited => Interlocked.Read(ref _limited);

    /// <param name="model">A canonical name, or null.</param>
    /// <param name="exists">Whether the answer proves that there is such a model: a name Ollama refused never takes a place.</param>
    public string Of(string? model, bool exists)
    {
        if (model is null)
        {
            return Unknown;
        }

        var name = names.DisplayOf(model);
        if (_known.TryGetValue(name, out var label))
        {
            return label;
        }

        if (!exists)
        {
            return Other;
        }

        label = Add(name);
        if (label == Other)
        {
            Interlocked.Increment(ref _limited);
        }

        return label;
    }

    /// <summary>The label of a model that is loaded, and so exists. Asked at every scrape, so that it counts nothing.</summary>
    public string OfLoaded(string model) => names.DisplayOf(model) is var name && _known.TryGetValue(name, out var label) ? label : Add(name);

    private string Add(string name)
    {
        lock (_adding)
        {
            return _known.Count < capacity ? _known.GetOrAdd(name, name) : Other;
        }
    }
}
