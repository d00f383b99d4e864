using OllamaProxy.TestKit;

namespace OllamaProxy.Tests;

/// <summary>A test with a PostgreSQL server that it may stop, an empty database and a folder.</summary>
public abstract class PostgresTest : IAsyncLifetime
{
    private PostgresServer? _server;

    private protected PostgresServer Server => _server!;

    protected string Url { get; set; } = "";

    protected DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("ollama-proxy-postgres-test-");

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresServer.StartAsync();
        Assert.SkipWhen(_server is null, PostgresServer.Reason);
        Url = await _server.CreateDatabaseAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        Folder.Delete(recursive: true);
    }
}
