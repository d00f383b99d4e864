using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.StoreTests;

/// <summary>The contract over a real server, with a database for each test.</summary>
public abstract class PostgresStoreContract : RememberingStoreContract, IAsyncLifetime
{
    private string _url = "";

    private protected FakeTimeProvider Time { get; } = new(PostgresFixture.Now);

    private protected override bool KeepsFiles => false;

    private protected override int Later => 86_400;

    private protected override string[] ProcessArguments => ["postgres", Folder, _url];

    public async ValueTask InitializeAsync() => _url = await CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Dispose();
        if (_url.Length > 0)
        {
            await DropDatabaseAsync(_url);
        }
    }

    /// <summary>A database with tables, but without records; skips the test where there is no server.</summary>
    private protected abstract Task<string> CreateDatabaseAsync();

    private protected abstract Task DropDatabaseAsync(string url);

    private protected override IAnalyticsStore Create(AnalyticsOptions options) =>
        new PostgresAnalyticsStore(options with { Database = PostgresFixture.Database(_url) }, Time);

    /// <summary>PostgreSQL has no U+0000 in a text.</summary>
    private protected override RequestRecord AsStored(RequestRecord record) =>
        record with { Prompt = record.Prompt?.Replace('\0', '\u2400'), Response = record.Response?.Replace('\0', '\u2400') };

    private protected override RequestFilter AsAsked(RequestFilter filter) =>
        filter with { Search = filter.Search?.Replace('\0', '\u2400'), PromptSearch = filter.PromptSearch?.Replace('\0', '\u2400') };

    [Fact]
    public override async Task A_folder_that_cannot_be_written_to_is_refused_with_the_way_out()
    {
        var url = _url;
        _url = "Host=127.0.0.1;Port=1;Username=postgres;Password=not-to-be-shown;Database=absent";

        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(OpenAsync);

        Assert.Contains("postgres://127.0.0.1:1/absent does not answer", exception.Message, StringComparison.Ordinal);
        Assert.Contains("ANALYTICS_DATABASE_URL", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not-to-be-shown", exception.ToString(), StringComparison.Ordinal);
        _url = url;
    }
}
