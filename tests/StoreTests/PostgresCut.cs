namespace OllamaProxy.StoreTests;

/// <summary>When <see cref="PostgresRelay"/> breaks the connections.</summary>
public enum PostgresCut
{
    None,

    /// <summary>The server never hears of the commit.</summary>
    BeforeCommit,

    /// <summary>The server has committed, and the client does not hear of it.</summary>
    AfterCommit,
}
