using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Supervision;

public sealed class OllamaWatchTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly KnownOllama _ollama = new();
    private readonly OllamaWatch _watch;

    public OllamaWatchTests() => _watch = new OllamaWatch(_ollama, _ollama, new ModelLoads(), new ModelNames(), _time);

    [Fact]
    public async Task A_snapshot_lists_installed_and_loaded_models()
    {
        Assert.Null(_watch.Current.IsUp);
        Assert.Null(_watch.Current.Loaded);

        await _watch.PollAsync(default);

        var snapshot = _watch.Current;
        Assert.Equal((true, "0.32.15", 2, 300L, _time.GetUtcNow()),
            (snapshot.IsUp, snapshot.Version, snapshot.InstalledCount, snapshot.InstalledSize, snapshot.TakenAt));
        Assert.Equal(KnownOllama.Phi4, snapshot.Find("phi4:latest"));
        Assert.Null(snapshot.Find("llama3:latest"));
    }

    [Fact]
    public async Task Models_are_spelled_as_ollama_lists_them()
    {
        var names = new ModelNames();
        names.AddAsked("HF.co/a/b:Q4");
        var watch = new OllamaWatch(_ollama, _ollama, new ModelLoads(), names, _time);
        _ollama.Loaded = new([new LoadedModel("hf.co/a/b:q4") { DisplayName = "hf.co/A/b:q4" }], null);

        await watch.PollAsync(default);

        Assert.Equal(
            ("hf.co/A/b:q4", "Llama3:latest", "unknown:latest", null),
            (names.DisplayOf("hf.co/a/b:q4"), names.DisplayOf("llama3:latest"), names.DisplayOf("unknown:latest"), names.DisplayOf(null)));
    }

    [Fact]
    public async Task Version_and_installed_models_are_polled_once_a_minute_while_watched_and_after_a_change()
    {
        await _watch.PollAsync(default);
        await _watch.PollAsync(default);
        Assert.Equal((2, 1), (_ollama.Polls, _ollama.Details));
        Assert.Equal("0.32.15", _watch.Current.Version);

        _time.Advance(TimeSpan.FromMinutes(9));
        await _watch.PollAsync(default);
        Assert.Equal(1, _ollama.Details);

        _watch.Look();
        await _watch.PollAsync(default);
        Assert.Equal(2, _ollama.Details);

        _ollama.ProcessId = 43;
        await _watch.PollAsync(default);
        Assert.Equal(3, _ollama.Details);
    }

    [Fact]
    public async Task A_value_that_ollama_no_longer_reports_is_unknown_and_not_the_last_known_one()
    {
        await _watch.PollAsync(default);

        _ollama.Loaded = new(null, "No answer in time.");
        var silent = await _watch.PollAsync(default);
        Assert.Equal((null, null, null, null), (silent.IsUp, silent.Version, silent.InstalledCount, silent.Loaded));
        Assert.Equal(1, _ollama.RequestedChecks);
        Assert.Equal("No answer in time.", silent.Problem);

        _ollama.Loaded = new(null, "Refused.") { IsUnreachable = true };
        Assert.False((await _watch.PollAsync(default)).IsUp);

        _ollama.Loaded = new([], null);
        Assert.Equal("0.32.15", (await _watch.PollAsync(default)).Version);
    }

    [Fact]
    public async Task A_watcher_requests_a_poll_at_once_when_ollama_answers_again()
    {
        _watch.Look();
        _ollama.Loaded = new(null, "No answer in time.");
        _ollama.State = OllamaState.Unhealthy;
        await _watch.PollAsync(default);

        _watch.Look();
        Assert.False(_watch.WaitForRequestAsync(default).IsCompleted);

        _ollama.State = OllamaState.Ready;
        _watch.Look();
        Assert.True(_watch.WaitForRequestAsync(default).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task An_ollama_that_has_ended_is_not_polled()
    {
        _ollama.State = OllamaState.Stopped;

        Assert.False((await _watch.PollAsync(default)).IsUp);
        Assert.Equal(0, _ollama.Polls);
    }

    [Fact]
    public async Task A_context_length_is_still_known_after_the_model_was_unloaded()
    {
        Assert.Null(_watch.ContextLengthOf("phi4:latest"));
        await _watch.PollAsync(default);
        _ollama.Loaded = new([], null);
        await _watch.PollAsync(default);

        Assert.Empty(_watch.Current.Loaded!);
        Assert.Equal(4_096, _watch.ContextLengthOf("phi4:latest"));
        Assert.Null(_watch.ContextLengthOf("llama3:latest"));
    }

    [Fact]
    public async Task Ten_thousand_models_leave_a_bounded_memory_of_context_lengths()
    {
        for (var number = 0; number < 10_000; number += 100)
        {
            _ollama.Loaded = new([.. Enumerable.Range(number, 100).Select(model => new LoadedModel($"model-{model}:latest") { ContextLength = 1 })], null);
            _time.Advance(TimeSpan.FromSeconds(10));
            await _watch.PollAsync(default);
        }

        Assert.Equal(OllamaWatch.MaxRemembered, Enumerable.Range(0, 10_000).Count(model => _watch.ContextLengthOf($"model-{model}:latest") is not null));
        Assert.Equal(1, _watch.ContextLengthOf("model-9999:latest"));
    }

    [Fact]
    public async Task Several_requests_for_a_poll_become_one()
    {
        var waiting = _watch.WaitForRequestAsync(default);
        Assert.False(waiting.IsCompleted);
        _watch.RequestPoll();
        _watch.RequestPoll();
        await waiting;

        await _watch.PollAsync(default);

        Assert.False(_watch.WaitForRequestAsync(default).IsCompleted);
    }

    [Fact]
    public async Task An_exchange_that_changed_the_loaded_models_requests_a_poll()
    {
        await _watch.PollAsync(default);
        _watch.Observe(Answered("phi4"));
        Assert.False(_watch.WaitForRequestAsync(default).IsCompleted);

        _watch.Observe(Answered("llama3"));
        Assert.True(_watch.WaitForRequestAsync(default).IsCompletedSuccessfully);

        await _watch.PollAsync(default);
        _watch.Observe(Answered("phi4") with { Response = new ResponseFacts { FinishReason = "unload" } });
        Assert.True(_watch.WaitForRequestAsync(default).IsCompletedSuccessfully);
    }

    private static Exchange Answered(string model) => new()
    {
        Id = "0199a1b2c3d4e5f60718293a4b5c6d7e",
        StartedAt = DateTimeOffset.UnixEpoch,
        Duration = TimeSpan.FromSeconds(1),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        StatusCode = 200,
        Outcome = ExchangeOutcome.Completed,
        Request = new RequestFacts { Model = model },
    };
}
