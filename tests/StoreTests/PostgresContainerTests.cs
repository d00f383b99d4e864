using System.Text.RegularExpressions;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using OllamaProxy.TestKit;
using OllamaProxy.Tests;

namespace OllamaProxy.StoreTests;

/// <summary>The contract over the image of compose.yaml, which is another version of PostgreSQL than the tests' own server.</summary>
public sealed class PostgresContainerTests(PostgresContainer container) : PostgresStoreContract, IClassFixture<PostgresContainer>
{
    private protected override Task<string> CreateDatabaseAsync() => container.CreateDatabaseAsync();

    private protected override Task DropDatabaseAsync(string url) => container.DropDatabaseAsync(url);

    [Fact(Skip = "the disk of a container belongs to its engine; PostgresAnalyticsStoreTests fills one")]
    public override Task A_full_disk_fails_the_write_whole_and_writing_resumes() => Task.CompletedTask;
}

/// <summary>One container for the whole class.</summary>
public sealed partial class PostgresContainer : IAsyncLifetime
{
    private const int Port = 5432;
    private const string Password = "for-these-tests";

    private IContainer? _container;
    private string _reason = "";
    private string? _template;

    public async ValueTask InitializeAsync()
    {
        (_container, _reason) = await ContainerEngine.TryStartAsync(() => new ContainerBuilder(Image())
            .WithEnvironment("POSTGRES_PASSWORD", Password)
            .WithCommand("-c", "fsync=off", "-c", "max_connections=200")
            .WithPortBinding(Port, assignRandomHostPort: true)
            // The image creates its database with a server that listens on no port.
            .WithWaitStrategy(Wait.ForUnixContainer().UntilCommandIsCompleted("pg_isready", "--host=127.0.0.1", "--username=postgres"))
            .Build());
        if (_container is not null)
        {
            await PostgresFixture.CreateTablesAsync(await CreateDatabaseAsync("template_of_tests"));
            _template = "template_of_tests";
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_container is not null)
        {
            await _container.DisposeAsync();
        }
    }

    /// <summary>A database with tables; skips the test where there is no container.</summary>
    internal Task<string> CreateDatabaseAsync()
    {
        Assert.SkipWhen(_container is null, _reason);
        return CreateDatabaseAsync($"t{Guid.NewGuid():N}");
    }

    internal Task DropDatabaseAsync(string url) =>
        PostgresServer.RunSqlAsync(UrlOf("postgres"), $"DROP DATABASE {new Npgsql.NpgsqlConnectionStringBuilder(url).Database} WITH (FORCE)");

    private async Task<string> CreateDatabaseAsync(string name)
    {
        await PostgresServer.RunSqlAsync(UrlOf("postgres"), $"CREATE DATABASE {name}{(_template is null ? "" : $" TEMPLATE {_template}")}");
        return UrlOf(name);
    }

    private string UrlOf(string database) =>
        $"Host={_container!.Hostname};Port={_container.GetMappedPublicPort(Port)};Username=postgres;Password={Password};Database={database}";

    private static string Image() => ComposedImage().Match(File.ReadAllText(Repository.PathOf("compose.yaml"))).Groups[1].Value;

    [GeneratedRegex("image: (postgres:.+)")]
    private static partial Regex ComposedImage();
}
