namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// A run of whole lines in a file, and what can be said of them without reading them: enough to pass over it in most searches. In a compressed file a block
/// is a gzip member of its own. The blocks of all files are the store's only index, some 150 bytes for each <see cref="Size"/> of lines.
/// </summary>
internal sealed record JsonlBlock
{
    /// <summary>Lines are added to a block until it has this many bytes: little enough to read one for a few records, and enough to compress well.</summary>
    public const int Size = 256 * 1024;

    /// <summary>Blocks with more models than this do not name them.</summary>
    public const int MaxModels = 64;

    public static JsonlBlock Empty { get; } = new();

    /// <summary>Where it begins in the file.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes in the file.</summary>
    public int Length { get; init; }

    /// <summary>Bytes of its lines.</summary>
    public int RawLength { get; init; }

    /// <summary>Whole records; damaged lines are not counted.</summary>
    public int Count { get; init; }

    public long MinId { get; init; } = long.MaxValue;

    public long MaxId { get; init; } = long.MinValue;

    /// <summary>Microseconds.</summary>
    public long MinTime { get; init; } = long.MaxValue;

    public long MaxTime { get; init; } = long.MinValue;

    /// <summary>The time of the oldest record that has a text.</summary>
    public long OldestText { get; init; } = long.MaxValue;

    /// <summary>The models that occur, in ordinal order; null when there are more than <see cref="MaxModels"/>.</summary>
    public string[]? Models { get; init; } = [];

    /// <summary>With one more line at its end.</summary>
    public JsonlBlock With(int length, long id, long time, bool hasText, string? model) => this with
    {
        Length = Length + length,
        RawLength = RawLength + length,
        Count = Count + 1,
        MinId = Math.Min(MinId, id),
        MaxId = Math.Max(MaxId, id),
        MinTime = Math.Min(MinTime, time),
        MaxTime = Math.Max(MaxTime, time),
        OldestText = hasText ? Math.Min(OldestText, time) : OldestText,
        Models = model is null || Models is null || Array.BinarySearch(Models, model, StringComparer.Ordinal) >= 0 ? Models : Union(Models, [model]),
    };

    /// <summary>With a line that is no record.</summary>
    public JsonlBlock WithDamaged(int length) => this with { Length = Length + length, RawLength = RawLength + length };

    /// <summary>This and the block right behind it as one.</summary>
    public JsonlBlock With(JsonlBlock next) => this with
    {
        Length = Length + next.Length,
        RawLength = RawLength + next.RawLength,
        Count = Count + next.Count,
        MinId = Math.Min(MinId, next.MinId),
        MaxId = Math.Max(MaxId, next.MaxId),
        MinTime = Math.Min(MinTime, next.MinTime),
        MaxTime = Math.Max(MaxTime, next.MaxTime),
        OldestText = Math.Min(OldestText, next.OldestText),
        Models = Union(Models, next.Models),
    };

    private static string[]? Union(string[]? models, string[]? others)
    {
        if (models is null || others is null)
        {
            return null;
        }

        var missing = others.Where(other => Array.BinarySearch(models, other, StringComparer.Ordinal) < 0).ToArray();
        return missing.Length == 0 ? models
            : models.Length + missing.Length > MaxModels ? null
            : [.. models.Concat(missing).Order(StringComparer.Ordinal)];
    }
}
