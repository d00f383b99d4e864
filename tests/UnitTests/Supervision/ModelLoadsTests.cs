using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Supervision;

/// <summary>One sequence of requests for each cause of a load; times are seconds since a start.</summary>
public sealed class ModelLoadsTests
{
    private const int OurProcess = 42;
    private static readonly DateTimeOffset s_start = new(2026, 11, 24, 10, 0, 0, TimeSpan.Zero);

    private readonly ModelLoads _loads = new();

    [Fact]
    public void The_first_load_of_a_model_is_cold()
    {
        Assert.Equal(LoadCause.Cold, Asked("phi4", at: 0, load: 4));
        Assert.Null(Asked("phi4", at: 10, load: 0.004));
        Assert.Equal(LoadCause.Cold, Asked("llama3", at: 20, load: 4));
    }

    [Fact]
    public void A_load_after_the_keep_alive_ended_is_expired()
    {
        Asked("phi4", at: 0, load: 4, keepAlive: "30s");

        Assert.Equal(LoadCause.Expired, Asked("phi4", at: 60, load: 4));
    }

    [Fact]
    public void A_keep_alive_applies_until_a_request_sets_another()
    {
        Asked("phi4", at: 0, load: 4, keepAlive: "1h");
        Asked("phi4", at: 1_000, load: 0.004);
        Poll(1_001, ("phi4", 1_000 + 3_600));

        Assert.Equal(LoadCause.Expired, Asked("phi4", at: 5_000, load: 4));
    }

    [Fact]
    public void Without_a_keep_alive_ollamas_five_minutes_apply_unless_a_poll_reports_another()
    {
        Asked("phi4", at: 0, load: 4);
        Assert.Equal(LoadCause.Expired, Asked("phi4", at: 400, load: 4));

        Poll(405, ("phi4", null));
        Assert.Equal(LoadCause.Unknown, Asked("phi4", at: 5_000, load: 4));
    }

    [Fact]
    public void A_load_after_an_unload_is_expired()
    {
        Asked("phi4", at: 0, load: 4, keepAlive: "-1");
        Assert.Null(_loads.Observe(Exchange("phi4", at: 10, seconds: 0.01, keepAlive: "0", finish: "unload"), OurProcess));

        Assert.Equal(LoadCause.Expired, Asked("phi4", at: 20, load: 4));
    }

    [Fact]
    public void An_expected_quick_load_counts_without_a_poll()
    {
        Asked("tiny", at: 0, load: 0.2, keepAlive: "0");
        Assert.Equal(LoadCause.Expired, Asked("tiny", at: 10, load: 0.2, keepAlive: "2s"));
        Assert.Equal(LoadCause.Expired, Asked("tiny", at: 20, load: 0.2, keepAlive: "-1"));
        Assert.Null(Asked("tiny", at: 30, load: 0.2));
        Assert.Null(_loads.Observe(Exchange("tiny", at: 40, seconds: 0.01, keepAlive: "0", finish: "unload"), OurProcess));
        Assert.Equal(LoadCause.Expired, Asked("tiny", at: 50, load: 0.2, contextLength: 2_048, keepAlive: "-1"));
        Assert.Equal(LoadCause.ParamsChanged, Asked("tiny", at: 60, load: 0.2, contextLength: 4_096));
        Assert.Null(Asked("tiny", at: 70, load: 0.2, contextLength: 4_096));
    }

    [Fact]
    public void A_load_of_an_unexpired_model_after_another_model_was_loaded_is_evicted()
    {
        Asked("phi4", at: 0, load: 4, keepAlive: "-1");
        Asked("llama3", at: 10, load: 4);

        Assert.Equal(LoadCause.Evicted, Asked("phi4", at: 20, load: 4));
    }

    [Fact]
    public void A_model_seen_only_by_polls_also_evicts()
    {
        Asked("phi4", at: 0, load: 4);
        Poll(5, ("phi4", 305));
        Poll(15, ("another-model", 315));

        Assert.Equal(LoadCause.Evicted, Asked("phi4", at: 20, load: 4));
    }

    [Fact]
    public void A_load_on_an_endpoint_without_durations_also_evicts()
    {
        Asked("phi4", at: 0, load: 4);
        Poll(5, ("phi4", 305));
        Assert.Null(Asked("llama3", at: 10, load: null));

        Assert.Equal(LoadCause.Evicted, Asked("phi4", at: 20, load: 4));
    }

    [Fact]
    public void A_model_that_a_poll_listed_after_another_load_was_not_evicted_by_it()
    {
        Asked("phi4", at: 0, load: 4);
        Asked("llama3", at: 10, load: 4);
        Poll(20, ("phi4", 305), ("llama3", 315));

        Assert.Equal(LoadCause.Expired, Asked("phi4", at: 400, load: 4));
    }

    [Fact]
    public void Two_clients_with_different_context_lengths_keep_reloading_the_model()
    {
        Asked("phi4", at: 0, load: 4, contextLength: 4_096);

        Assert.Equal(LoadCause.ParamsChanged, Asked("phi4", at: 10, load: 4, contextLength: 8_192));
        Assert.Null(Asked("phi4", at: 20, load: 0.004, contextLength: 8_192));
        Assert.Equal(LoadCause.ParamsChanged, Asked("phi4", at: 30, load: 4, contextLength: 4_096));
        Assert.Equal(LoadCause.ParamsChanged, Asked("phi4", at: 40, load: 4));
    }

    [Fact]
    public void Overlapping_requests_with_different_context_lengths_reload_the_model_too()
    {
        Assert.Equal(LoadCause.Cold, _loads.Observe(Exchange("phi4", at: 0, seconds: 5, load: 4, contextLength: 4_096), OurProcess));
        Assert.Equal(LoadCause.ParamsChanged, _loads.Observe(Exchange("phi4", at: 1, seconds: 9, load: 8, contextLength: 8_192), OurProcess));
        Assert.Equal(LoadCause.ParamsChanged, _loads.Observe(Exchange("phi4", at: 6, seconds: 9, load: 8, contextLength: 4_096), OurProcess));
        Assert.Equal(LoadCause.ParamsChanged, _loads.Observe(Exchange("phi4", at: 11, seconds: 9, load: 8), OurProcess));
    }

    [Fact]
    public void The_context_length_of_a_poll_distinguishes_changed_parameters_from_an_eviction()
    {
        Asked("phi4", at: 0, load: 4);
        Poll(5, ("phi4", 305));
        Asked("llama3", at: 10, load: 4);

        Assert.Equal(LoadCause.Evicted, Asked("phi4", at: 20, load: 4, contextLength: 4_096));
        Poll(25, ("phi4", 325));
        Asked("llama3", at: 30, load: 4);
        Assert.Equal(LoadCause.ParamsChanged, Asked("phi4", at: 40, load: 4, contextLength: 8_192));
    }

    [Fact]
    public void A_load_after_the_process_changed_is_a_restart()
    {
        Asked("phi4", at: 0, load: 4);

        Assert.Equal(LoadCause.Restart, _loads.Observe(Exchange("phi4", at: 20, seconds: 5, load: 4), OurProcess + 1));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 30, seconds: 5, load: 0.004), OurProcess + 1));
    }

    [Fact]
    public void A_load_after_ollama_was_unreachable_is_a_restart()
    {
        Asked("phi4", at: 0, load: 4);
        Poll(6, ("phi4", 305));
        _loads.Observe(Exchange("phi4", at: 10, seconds: 0.01) with { Outcome = ExchangeOutcome.UpstreamUnreachable, StatusCode = 502 }, OurProcess);
        Assert.Equal(LoadCause.Restart, Asked("phi4", at: 20, load: 4));

        Poll(26, ("phi4", 325));
        _loads.Observe(new OllamaSnapshot { TakenAt = At(36), IsUp = false, ProcessId = OurProcess });
        Poll(46);
        Assert.Equal(LoadCause.Restart, Asked("phi4", at: 50, load: 4));
    }

    [Fact]
    public void A_model_that_expired_before_ollama_went_away_is_expired()
    {
        Asked("phi4", at: 0, load: 4, keepAlive: "1m");
        _loads.Observe(Exchange("phi4", at: 500, seconds: 0.01) with { Outcome = ExchangeOutcome.UpstreamUnreachable, StatusCode = 502 }, OurProcess);

        Assert.Equal(LoadCause.Expired, Asked("phi4", at: 510, load: 4));
    }

    [Fact]
    public void A_load_without_an_explanation_is_unknown()
    {
        Asked("phi4", at: 0, load: 4);

        Assert.Equal(LoadCause.Unknown, Asked("phi4", at: 20, load: 4));
    }

    [Fact]
    public void A_slow_upload_of_a_large_body_is_no_load()
    {
        Asked("phi4", at: 0, load: 4);

        Assert.Null(_loads.Observe(Exchange("phi4", at: 20, seconds: 5, load: 4) with { RequestBytes = 20_000_000 }, OurProcess));
    }

    [Fact]
    public void Half_a_second_is_a_load_or_a_tenth_if_a_poll_did_not_list_the_model()
    {
        Assert.Null(Asked("phi4", at: 0, load: 0.3));
        Poll(10);

        Assert.Equal(LoadCause.Cold, Asked("llama3", at: 20, load: 0.3));
        Assert.Null(Asked("llama3", at: 21, load: 0.09));
    }

    [Fact]
    public void Only_the_first_request_to_end_counts_as_a_shared_load()
    {
        Assert.Equal(LoadCause.Cold, _loads.Observe(Exchange("phi4", at: 1, seconds: 20, load: 9), OurProcess));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 12, seconds: 20, load: 0.004), OurProcess));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 0, seconds: 60, load: 10.001), OurProcess));
    }

    [Fact]
    public void A_request_that_also_waited_for_the_load_of_another_model_is_not_counted_twice()
    {
        Assert.Equal(LoadCause.Cold, _loads.Observe(Exchange("phi4", at: 0, seconds: 5, load: 4), OurProcess));
        Assert.Equal(LoadCause.Cold, _loads.Observe(Exchange("llama3", at: 1, seconds: 8, load: 7), OurProcess));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 2, seconds: 8, load: 6), OurProcess));
    }

    [Fact]
    public void Waiting_in_the_proxys_queue_is_not_loading()
    {
        Asked("phi4", at: 0, load: 4, keepAlive: "1m");

        Assert.Equal(LoadCause.Expired,
            _loads.Observe(Exchange("phi4", at: 50, seconds: 25, load: 4) with { QueueTime = TimeSpan.FromSeconds(20) }, OurProcess));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 80, seconds: 25, finish: "load") with { QueueTime = TimeSpan.FromSeconds(24.9) }, OurProcess));
    }

    [Fact]
    public void Loads_in_quick_succession_each_count()
    {
        Poll(0);
        Assert.Equal(LoadCause.Cold, _loads.Observe(Exchange("embed", at: 1, seconds: 0.16, load: 0.15, keepAlive: "0"), OurProcess));
        Assert.Equal(LoadCause.Expired, _loads.Observe(Exchange("embed", at: 1.17, seconds: 0.16, load: 0.15, keepAlive: "0"), OurProcess));
    }

    [Fact]
    public void A_long_response_is_judged_by_the_state_when_its_request_began()
    {
        Asked("phi4", at: 0, load: 4, keepAlive: "1m");
        Poll(100);
        Poll(210, ("phi4", 265));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 220, seconds: 5, load: 0.004), OurProcess));
        Poll(230, ("phi4", 285));

        Assert.Equal(LoadCause.Expired, _loads.Observe(Exchange("phi4", at: 200, seconds: 40, load: 4), OurProcess));
    }

    [Fact]
    public void A_request_that_only_loads_is_a_load_without_any_duration()
    {
        Assert.Equal(LoadCause.Cold, _loads.Observe(Exchange("phi4", at: 0, seconds: 4, finish: "load"), OurProcess));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 10, seconds: 0.01, finish: "load"), OurProcess));
    }

    [Fact]
    public void A_request_that_proves_no_loaded_model_is_no_load()
    {
        Assert.Null(
            _loads.Observe(Exchange("phi4", at: 0, seconds: 5, load: 4) with { StatusCode = 404, Outcome = ExchangeOutcome.UpstreamError }, OurProcess));
        Assert.Null(_loads.Observe(Exchange("phi4", at: 10, seconds: 5, load: 4) with { Endpoint = ApiEndpoint.Other }, OurProcess));
        Assert.Null(Asked("gpt-oss:120b-cloud", at: 20, load: 4));
        Assert.Equal(0, _loads.Count);
    }

    [Fact]
    public void Ten_thousand_model_names_leave_a_bounded_memory_and_no_false_cold_load()
    {
        for (var number = 0; number < 10_000; number++)
        {
            Assert.NotNull(Asked($"model-{number}", at: number * 10, load: 4));
        }

        Assert.InRange(_loads.Count, ModelLoads.MaxModels / 2, ModelLoads.MaxModels);
        Assert.Equal(LoadCause.Expired, Asked("model-9900", at: 200_000, load: 4));
        Assert.Equal(LoadCause.Unknown, Asked("model-1", at: 200_010, load: 4));
    }

    private static DateTimeOffset At(double seconds) => s_start.AddSeconds(seconds);

    /// <summary>Observes an exchange whose response takes half a second after the load.</summary>
    private LoadCause? Asked(string model, double at, double? load, int? contextLength = null, string? keepAlive = null) =>
        _loads.Observe(Exchange(model, at, (load ?? 0) + 0.5, load, contextLength, keepAlive), OurProcess);

    private void Poll(double at, params (string Model, double? ExpiresAt)[] loaded) => _loads.Observe(new OllamaSnapshot
    {
        TakenAt = At(at),
        IsUp = true,
        ProcessId = OurProcess,
        Version = "0.32.15",
        Loaded = [.. loaded.Select(
            model => new LoadedModel(model.Model + ":latest") { ContextLength = 4_096, ExpiresAt = model.ExpiresAt is { } seconds ? At(seconds) : null })],
    });

    private static Exchange Exchange(string model, double at, double seconds, double? load = null, int? contextLength = null, string? keepAlive = null,
        string finish = "stop") => new()
    {
        Id = "0199a1b2c3d4e5f60718293a4b5c6d7e",
        StartedAt = At(at),
        Duration = TimeSpan.FromSeconds(seconds),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        StatusCode = 200,
        Outcome = ExchangeOutcome.Completed,
        Request = new RequestFacts { Model = model, ContextLength = contextLength, KeepAlive = keepAlive },
        Response = new ResponseFacts
        {
            Terminated = true,
            FinishReason = finish,
            IsInference = finish == "stop",
            Usage = new TokenUsage { LoadDuration = load is { } length ? TimeSpan.FromSeconds(length) : null },
        },
    };
}
