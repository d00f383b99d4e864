using Microsoft.Extensions.Logging;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.StoreTests;

/// <summary>The files that wait for the server.</summary>
public sealed class PostgresSpoolTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-spool-");
    private readonly Messages _log = new();

    private string Spool => Path.Combine(_folder.FullName, PostgresSpool.FolderName);

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Damaged_lines_are_counted_in_the_log_once_and_the_others_are_read()
    {
        var spool = Create();
        Assert.True(spool.TryAdd([Records.At(1), Records.At(2)]));
        var file = Assert.Single(Directory.GetFiles(Spool));
        File.WriteAllText(file, "{\"id\":0,\n" + File.ReadAllText(file));

        Assert.Equal(2, spool.First()!.Value.Batch.Records.Count);
        Assert.Equal(2, spool.First()!.Value.Batch.Records.Count);

        Assert.EndsWith("damaged: 1.", Assert.Single(_log.All), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_not_finished_is_removed_at_the_next_start()
    {
        Assert.True(Create().TryAdd([Records.At(1)]));
        var file = Assert.Single(Directory.GetFiles(Spool));
        File.Copy(file, file + ".new");

        var next = Create();

        Assert.Equal([file], Directory.GetFiles(Spool));
        Assert.False(next.IsEmpty);
    }

    private PostgresSpool Create() => new(new AnalyticsOptions { Directory = _folder.FullName }, _log);

    private sealed class Messages : ILogger<PostgresSpool>
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Add(formatter(state, exception));
    }
}
