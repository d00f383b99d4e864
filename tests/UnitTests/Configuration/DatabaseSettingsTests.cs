using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.UnitTests.Configuration;

/// <summary>The settings of the record database; its login is never shown.</summary>
public sealed class DatabaseSettingsTests : IDisposable
{
    private const string Password = "s3cret/p@ss";

    private readonly string _file = Path.GetTempFileName();

    [Theory]
    [InlineData("postgres://proxy:s3cret%2Fp%40ss@db.example.com:6432/records?sslmode=verify-full&connect_timeout=3", "postgres://db.example.com:6432/records")]
    [InlineData("postgresql://proxy:s3cret%2Fp%40ss@db.example.com/records", "postgres://db.example.com:5432/records")]
    [InlineData("postgres://proxy:s3cret%2Fp%40ss@[::1]:5433/records", "postgres://::1:5433/records")]
    [InlineData("postgres:///records?host=/run/postgresql&user=proxy&password=s3cret%2Fp%40ss", "postgres:///run/postgresql:5432/records")]
    [InlineData("Host=db.example.com;Username=proxy;Password=s3cret/p@ss;Database=records", "postgres://db.example.com:5432/records")]
    public void A_url_or_a_connection_string_names_the_database(string text, string name)
    {
        var (settings, problems) = Read(("ANALYTICS_BACKEND", "postgres"), ("ANALYTICS_DATABASE_URL", text));

        Assert.Empty(problems);
        Assert.Equal(name, settings.Analytics.Database!.Name);
        Assert.Equal(name, settings.Analytics.Place);
        Assert.Contains(Password, settings.Analytics.Database.ConnectionString, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, settings.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("db.example.com", "is neither a postgres:// URL nor an Npgsql connection string (Host=...;Username=...;Password=...;Database=...)")]
    [InlineData("Hoost=db;Password=s3cret", "is neither a postgres:// URL nor an Npgsql connection string (Host=...;Username=...;Password=...;Database=...)")]
    [InlineData("postgres://", "names no host")]
    [InlineData("postgres://proxy:s3cret%2Fp%40ss@db:port/records", "has an invalid value for Port")]
    [InlineData("postgres://proxy:s3cret%2Fp%40ss@db/records?sslmode=s3cret/p@ss", "has an invalid value for SSL Mode")]
    [InlineData("Host=db;Password=s3cret/p@ss;Pooling=false", "must not set Pooling or Multiplexing")]
    public void An_invalid_url_is_refused_without_being_shown(string text, string problem)
    {
        var found = Assert.Single(Read(("ANALYTICS_BACKEND", "postgres"), ("ANALYTICS_DATABASE_URL", text)).Problems);

        Assert.Equal($"ANALYTICS_DATABASE_URL: {problem}.", found);
    }

    [Fact]
    public void An_unknown_parameter_is_refused_with_a_list_of_the_known_ones()
    {
        var (_, problem) = PostgresDatabase.Parse("postgres://db/records?pgbouncer=true");

        Assert.StartsWith("has a parameter that is not known; known ones are sslmode, ", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_url_can_be_read_from_a_file()
    {
        File.WriteAllText(_file, "postgres://proxy:s3cret%2Fp%40ss@db/records\n");

        var (settings, problems) = Read(("ANALYTICS_BACKEND", "postgres"), ("ANALYTICS_DATABASE_URL_FILE", _file));

        Assert.Empty(problems);
        Assert.Equal("postgres://db:5432/records", settings.Analytics.Database!.Name);
    }

    [Theory]
    [InlineData(null, null, "ANALYTICS_BACKEND=postgres needs ANALYTICS_DATABASE_URL or ANALYTICS_DATABASE_URL_FILE.")]
    [InlineData("postgres://db/records", "FILE", "ANALYTICS_DATABASE_URL and ANALYTICS_DATABASE_URL_FILE are both set: unset one of them.")]
    [InlineData(null, "FILE", "ANALYTICS_DATABASE_URL_FILE=FILE: its text is neither a postgres:// URL nor an Npgsql connection string")]
    [InlineData(null, "/absent/url", "ANALYTICS_DATABASE_URL_FILE=/absent/url: cannot be read")]
    public void A_missing_or_duplicate_setting_is_reported(string? url, string? file, string problem)
    {
        File.WriteAllText(_file, "s3cret");
        file = file?.Replace("FILE", _file, StringComparison.Ordinal);
        var found = Assert.Single(Read(("ANALYTICS_BACKEND", "postgres"), ("ANALYTICS_DATABASE_URL", url), ("ANALYTICS_DATABASE_URL_FILE", file)).Problems);

        Assert.StartsWith(problem.Replace("=FILE:", $"={_file}:", StringComparison.Ordinal), found, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_backend_ignores_the_url_with_a_notice()
    {
        var (settings, problems) = Read(("ANALYTICS_DATABASE_URL", "postgres://db/records"));

        Assert.Empty(problems);
        Assert.Null(settings.Analytics.Database);
        Assert.Contains("ANALYTICS_DATABASE_URL does nothing without ANALYTICS_BACKEND=postgres.", settings.Notices);
    }

    [Fact]
    public void The_url_is_not_passed_to_Ollama()
    {
        Assert.Contains("ANALYTICS_DATABASE_URL", EnvironmentVariables.SecretNames(name => name == "ANALYTICS_DATABASE_URL" ? "postgres://db/records" : null));
    }

    public void Dispose() => File.Delete(_file);

    private static (ProxySettings Settings, IReadOnlyList<string> Problems) Read(params (string Name, string? Value)[] variables) =>
        EnvironmentVariables.Read(name => Array.Find(variables, variable => variable.Name == name).Value);
}
