using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>A store in files, which others may delete, replace or damage while it is open.</summary>
internal interface IFileStore : IAnalyticsStore, IDisposable
{
    /// <summary>What was damaged when it was opened, and where that is now.</summary>
    IReadOnlyList<SetAside> DamagedFiles { get; }

    /// <summary>What happened to its files; null while they are those it opened. Cheap enough for every write.</summary>
    string? FindLoss();

    /// <summary>Whether an exception says that what is stored is damaged.</summary>
    bool IsDamage(Exception exception);
}

/// <param name="Path">A file that was damaged.</param>
/// <param name="Now">What it is called now.</param>
/// <param name="Reason">What is wrong with it.</param>
internal sealed record SetAside(string Path, string Now, string Reason);

/// <summary>What is believed of a store's files when they are opened.</summary>
internal enum StoreSuspicion
{
    /// <summary>They are well, unless opening them shows otherwise.</summary>
    None,

    /// <summary>Some of it could not be read: all of it is looked at first.</summary>
    Check,

    /// <summary>It cannot be written although all of it looked well: a new one is made.</summary>
    Condemned,
}
