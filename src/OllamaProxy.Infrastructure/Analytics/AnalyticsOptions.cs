using OllamaProxy.Application.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Where records are kept.</summary>
public sealed record AnalyticsOptions
{
    /// <summary>A name of <see cref="AnalyticsBackends"/>; default <c>sqlite</c>.</summary>
    public string Backend { get; init; } = "sqlite";

    /// <summary>The folder of the store, made when missing, readable by its owner only. Default <c>./ollama_analytics</c>.</summary>
    public string Directory { get; init; } = "./ollama_analytics";

    /// <summary>The database of the backend <c>postgres</c>; null for the others.</summary>
    public PostgresDatabase? Database { get; init; }

    /// <summary>Megabytes (1,000,000 bytes) of records that may wait on disk while the database does not answer. 0 to 1,000,000, default 512.</summary>
    public int SpoolMegabytes { get; init; } = 512;

    /// <summary>Where the records are, for a person: the folder, or the database without its login.</summary>
    public string Place => Database?.Name ?? Path.GetFullPath(Directory);

    /// <summary>Records older than this many days are removed; 0 keeps them for ever. 0 to 36,500, default 7.</summary>
    public int RetentionDays { get; init; } = 7;

    /// <summary>Of records older than this many days the texts are removed; 0 keeps them as long as their record. 0 to 36,500, default 0.</summary>
    public int TextRetentionDays { get; init; }

    /// <summary>
    /// The oldest records are removed while the store is larger than this many megabytes (1,000,000 bytes); 0 for any size. 0 to 10,000,000, default 0.
    /// </summary>
    public int MaxSizeMegabytes { get; init; }

    /// <summary>
    /// Whether the original program's database in the place of ours is moved aside; else opening it is refused. Only who starts a proxy, or imports, means to
    /// take its place.
    /// </summary>
    public bool MovesOriginalAside { get; init; }

    /// <summary>Whether damaged files of ours are moved aside and new ones made; else opening them is refused. Only a proxy that serves must go on.</summary>
    public bool MovesDamagedAside { get; init; }

    /// <summary>Whether the start is stopped by a store that cannot be opened; else it is served without. Default false.</summary>
    public bool IsRequired { get; init; }

    /// <summary>The rules at an instant.</summary>
    public RetentionRules RulesAt(DateTimeOffset now) => new(
        RetentionDays == 0 ? null : now.AddDays(-RetentionDays),
        TextRetentionDays == 0 ? null : now.AddDays(-TextRetentionDays),
        MaxSizeMegabytes == 0 ? null : MaxSizeMegabytes * 1_000_000L);
}
