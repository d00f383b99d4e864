using System.Collections.Concurrent;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Supervision;

/// <summary>
/// How a model is spelled wherever a person reads its name. Records, filters and rollups know models by their canonical name, which is in lower case. Ollama
/// shows the capitals a model was installed with, so its lists (<c>/api/tags</c>, <c>/api/ps</c>) decide; until one names the model, the first request does.
/// </summary>
public sealed class ModelNames
{
    /// <summary>Only names that Ollama accepted or listed are kept, so a client cannot fill this up.</summary>
    private const int Capacity = 10_000;

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <summary>The name to show.</summary>
    /// <param name="model">A canonical name, or null.</param>
    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(model))]
    public string? DisplayOf(string? model) => model is not null && _names.TryGetValue(model, out var name) ? name : model;

    /// <summary>Notes a name as Ollama lists it.</summary>
    public void AddListed(string? name)
    {
        if (ModelName.Shorten(name) is { } shown && (_names.Count < Capacity || _names.ContainsKey(shown.ToLowerInvariant())))
        {
            _names[shown.ToLowerInvariant()] = shown;
        }
    }

    /// <summary>Notes a name as a client sent it with a request that Ollama accepted. It counts until Ollama lists the model.</summary>
    public void AddAsked(string? name)
    {
        if (ModelName.Shorten(name) is { } shown && _names.Count < Capacity)
        {
            _names.TryAdd(shown.ToLowerInvariant(), shown);
        }
    }
}
