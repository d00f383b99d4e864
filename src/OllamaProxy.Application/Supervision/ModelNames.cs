using System.Collections.Concurrent;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Supervision;

/// <summary>
/// Display names of models. Records, filters and rollups use the canonical name, which is lower case. Ollama keeps the capitals of the installed name, so its
/// lists (<c>/api/tags</c>, <c>/api/ps</c>) decide; before the model is listed, the first request does.
/// </summary>
public sealed class ModelNames
{
    /// <summary>Only names that Ollama accepted or listed are kept, so clients cannot exhaust this.</summary>
    private const int Capacity = 10_000;

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <summary>Returns the name to display.</summary>
    /// <param name="model">A canonical name, or null.</param>
    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(model))]
    public string? DisplayOf(string? model) => model is not null && _names.TryGetValue(model, out var name) ? name : model;

    /// <summary>Adds a name as Ollama lists it.</summary>
    public void AddListed(string? name)
    {
        if (ModelName.Shorten(name) is { } shown && (_names.Count < Capacity || _names.ContainsKey(shown.ToLowerInvariant())))
        {
            _names[shown.ToLowerInvariant()] = shown;
        }
    }

    /// <summary>Adds a name from a request that Ollama accepted. It is used until Ollama lists the model.</summary>
    public void AddAsked(string? name)
    {
        if (ModelName.Shorten(name) is { } shown && _names.Count < Capacity)
        {
            _names.TryAdd(shown.ToLowerInvariant(), shown);
        }
    }
}
