using System.Collections.Concurrent;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Application.Telemetry;

/// <summary>
/// Maps model names to a limited number of label values: a client may send any text as a model name, and each new value is a new series. The first names that
/// Ollama accepts become labels; later ones are <c>other</c>. A label is the model's display name, so a model whose spelling becomes known later continues
/// under a second label.
/// </summary>
public sealed class ModelLabels(int capacity, ModelNames names)
{
    public const string Other = "other";
    public const string Unknown = "unknown";

    private readonly ConcurrentDictionary<string, string> _known = new(StringComparer.Ordinal);
    private readonly Lock _adding = new();
    private long _limited;

    /// <summary>How often an existing model was counted as <c>other</c>.</summary>
    public long Limited => Interlocked.Read(ref _limited);

    /// <param name="model">A canonical name, or null.</param>
    /// <param name="exists">Whether the response proves that the model exists: a name that Ollama rejected gets no label.</param>
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

    /// <summary>The label of a loaded model, which therefore exists. Scrapes call this, so it does not count into <see cref="Limited"/>.</summary>
    public string OfLoaded(string model) => names.DisplayOf(model) is var name && _known.TryGetValue(name, out var label) ? label : Add(name);

    private string Add(string name)
    {
        lock (_adding)
        {
            return _known.Count < capacity ? _known.GetOrAdd(name, name) : Other;
        }
    }
}
