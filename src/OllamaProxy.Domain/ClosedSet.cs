using System.Collections.Frozen;

namespace OllamaProxy.Domain;

/// <summary>The stored names of an enumeration.</summary>
public sealed class ClosedSet<T>
    where T : struct, Enum
{
    private readonly FrozenDictionary<string, T> _byName;

    public ClosedSet(Func<T, string> nameOf)
    {
        Names = [.. Enum.GetValues<T>().Select(nameOf)];
        _byName = Enum.GetValues<T>().ToFrozenDictionary(nameOf, StringComparer.Ordinal);
    }

    /// <summary>All names, in the order of the enumeration.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The member with a name; null for an unknown name, which only another version of the program writes.</summary>
    public T? Find(string? name) => name is not null && _byName.TryGetValue(name, out var member) ? member : null;
}
