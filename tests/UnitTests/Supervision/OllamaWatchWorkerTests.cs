using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Workers;
using OllamaProxy.Infrastructure.Supervision;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Supervision;

public sealed class OllamaWatchWorkerTests : ILogger<OllamaWatchWorker>
{
    private readonly FakeTimeProvider _time = new();
    private readonly KnownOllama _ollama = new();
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _log = new();
    private readonly OllamaWatch _watch;

    public OllamaWatchWorkerTests() => _watch = new OllamaWatch(_ollama, _ollama, new ModelLoads(), new ModelNames(), _time);

    [Fact]
    public async Task It_polls_at_once_and_then_every_period_while_watched()
    {
        _watch.Look();
        using var worker = await StartAsync(TimeSpan.FromSeconds(10));
        var begun = _time.GetUtcNow();

        await PassAsync(() => _ollama.Polls == 3);

        Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(55));
        await worker.StopAsync(default);
    }

    [Fact]
    public async Task Unwatched_it_polls_once_a_minute_and_soon_when_a_watcher_arrives()
    {
        using var worker = await StartAsync(TimeSpan.FromSeconds(10));
        var begun = _time.GetUtcNow();
        await PassAsync(() => _ollama.Polls == 3);
        Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.FromSeconds(120), TimeSpan.FromSeconds(175));

        begun = _time.GetUtcNow();
        _watch.Look();
        await PassAsync(() => _ollama.Polls == 4);
        Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.Zero, TimeSpan.FromSeconds(30));

        // Six more in the minute after the watcher asked, then one a minute again.
        await PassAsync(() => _ollama.Polls == 10);
        Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(200));
        begun = _time.GetUtcNow();
        await PassAsync(() => _ollama.Polls == 12);
        Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(175));
        await worker.StopAsync(default);
    }

    [Fact]
    public async Task The_unload_of_an_expiring_model_is_noticed()
    {
        _ollama.Loaded = new([new LoadedModel("phi4:latest") { ExpiresAt = _time.GetUtcNow().AddSeconds(25) }], null);
        using var worker = await StartAsync(TimeSpan.FromSeconds(10));
        var begun = _time.GetUtcNow();

        await PassAsync(() => _ollama.Polls == 2);

        Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.FromSeconds(25), TimeSpan.FromSeconds(55));
        await worker.StopAsync(default);
    }

    [Fact]
    public async Task Requested_polls_happen_soon_but_at_most_once_a_second()
    {
        using var worker = await StartAsync(TimeSpan.FromHours(1));
        await PassAsync(() => _ollama.Polls == 1);

        _watch.RequestPoll();
        Assert.Equal(1, _ollama.Polls);
        await PassAsync(() => _ollama.Polls == 2);

        Assert.InRange(_time.GetUtcNow() - _time.Start, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(30));
        await worker.StopAsync(default);
    }

    [Fact]
    public async Task It_logs_once_that_ollama_does_not_answer_and_once_that_it_answers_again()
    {
        using var worker = await StartAsync(TimeSpan.FromSeconds(1));
        await PassAsync(() => _ollama.Polls >= 2);
        Assert.Empty(_log);

        _ollama.Loaded = new(null, "It does not answer.");
        await PassAsync(() => _ollama.Polls >= 6);
        var told = Assert.Single(_log);
        Assert.Equal((LogLevel.Warning, "Ollama's loaded models are unknown: It does not answer."), told);

        _ollama.Loaded = new([], null);
        await PassAsync(() => _ollama.Polls >= 10);
        Assert.Equal([LogLevel.Warning, LogLevel.Information], _log.Select(line => line.Level));
        await worker.StopAsync(default);
    }

    [Fact]
    public async Task With_a_period_of_zero_it_never_polls()
    {
        using var worker = await StartAsync(TimeSpan.Zero);

        await worker.ExecuteTask!;

        Assert.Equal(0, _ollama.Polls);
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _log.Enqueue((logLevel, formatter(state, exception)));

    private async Task<OllamaWatchWorker> StartAsync(TimeSpan period)
    {
        var worker = new OllamaWatchWorker(_watch, new OllamaOptions { PollPeriod = period }, _time, this);
        await worker.StartAsync(default);
        return worker;
    }

    /// <summary>
    /// Advances the clock in small steps until the condition is true. On a busy machine the worker lags some steps behind, so tests distinguish periods
    /// by their lower bound and the next longer period.
    /// </summary>
    private Task PassAsync(Func<bool> condition) => Eventually.TrueAsync(() =>
    {
        if (condition())
        {
            return true;
        }

        _time.Advance(TimeSpan.FromMilliseconds(500));
        return condition();
    });
}
