using OllamaProxy.Application.Supervision;

namespace OllamaProxy.UnitTests.Supervision;

public sealed class OllamaLifeTests
{
    private static readonly OllamaLifeRules s_rules = new();
    private readonly OllamaLife _life = new(s_rules);
    private TimeSpan _now = TimeSpan.FromHours(1);
    private int _child;

    [Fact]
    public void A_start_looks_for_an_Ollama_checks_what_it_launched_and_is_ready_at_the_first_answer()
    {
        Assert.Equal([new(OllamaAction.FindOrLaunch, 1)], Happens(OllamaEventKind.Begun));
        Assert.Equal([new(OllamaAction.Check, 1)], Happens(OllamaEventKind.Launched, 1));
        Assert.Empty(Happens(OllamaEventKind.NotAnswered, 1));
        Assert.Equal(OllamaState.Starting, _life.State);
        Assert.Equal(_now + s_rules.StartingCheckPause, _life.WakeAt);

        Assert.Equal([new(OllamaAction.Check, 1)], TimePasses());
        Assert.Empty(Happens(OllamaEventKind.Answered, 1));

        Assert.Equal(OllamaState.Ready, _life.State);
        Assert.Equal(_now + s_rules.CheckPause, _life.WakeAt);
    }

    [Fact]
    public void A_child_that_ends_is_cleaned_up_and_restarted_without_a_pause()
    {
        Ready();

        Assert.Equal([new(OllamaAction.CleanUp, 1)], Happens(OllamaEventKind.Exited, 1));
        Assert.Equal(OllamaState.Restarting, _life.State);
        Assert.Equal([new(OllamaAction.FindOrLaunch, 2, RestartReason.Exited)], Happens(OllamaEventKind.Gone, 1));
        Assert.Equal(OllamaState.Starting, _life.State);
    }

    [Fact]
    public void Three_failed_checks_in_a_row_replace_a_child_after_a_stop_request()
    {
        Ready();

        Assert.Equal([new(OllamaAction.Check, 1)], TimePasses());
        Assert.Empty(Happens(OllamaEventKind.NotAnswered, 1));
        Assert.Equal(OllamaState.Unhealthy, _life.State);
        TimePasses();
        Assert.Empty(Happens(OllamaEventKind.NotAnswered, 1));
        TimePasses();
        Assert.Equal([new(OllamaAction.Stop, 1)], Happens(OllamaEventKind.NotAnswered, 1));
        Assert.Equal(OllamaState.Restarting, _life.State);

        // The process exits because it was asked to; that is no second failure.
        Assert.Empty(Happens(OllamaEventKind.Exited, 1));
        Assert.Equal([new(OllamaAction.FindOrLaunch, 2, RestartReason.Unhealthy)], Happens(OllamaEventKind.Gone, 1));
        Assert.Equal(1, _life.Failures);
    }

    [Fact]
    public void A_successful_check_resets_the_count_of_failed_ones()
    {
        Ready();
        foreach (var answer in (OllamaEventKind[])[OllamaEventKind.NotAnswered, OllamaEventKind.NotAnswered, OllamaEventKind.Answered,
            OllamaEventKind.NotAnswered, OllamaEventKind.NotAnswered])
        {
            Assert.Equal([new(OllamaAction.Check, 1)], TimePasses());
            Assert.Empty(Happens(answer, 1));
        }

        Assert.Equal(OllamaState.Unhealthy, _life.State);
    }

    [Fact]
    public void A_child_with_stalled_inferences_is_replaced()
    {
        Ready();

        Assert.Equal([new(OllamaAction.Stop, 1)], Happens(OllamaEventKind.Silent, 1));
        Assert.Equal([new(OllamaAction.FindOrLaunch, 2, RestartReason.Hung)], Happens(OllamaEventKind.Gone, 1));
    }

    [Fact]
    public void Pauses_double_up_to_a_minute_and_the_fifth_failure_is_a_crash_loop_that_keeps_trying()
    {
        Ready();
        List<double> pauses = [];
        List<OllamaState> states = [];
        for (var failure = 1; failure <= 10; failure++)
        {
            Happens(OllamaEventKind.Exited, _child);
            states.Add(_life.State);
            var commands = Happens(OllamaEventKind.Gone, _child);
            var begun = _now;
            if (commands.Length == 0)
            {
                commands = TimePasses();
            }

            pauses.Add((_now - begun).TotalSeconds);
            Assert.Equal([new(OllamaAction.FindOrLaunch, ++_child, RestartReason.Exited)], commands);
            Happens(OllamaEventKind.Launched, _child);
        }

        Assert.Equal([0, 1, 2, 4, 8, 16, 32, 60, 60, 60], pauses);
        Assert.All(states[..4], state => Assert.Equal(OllamaState.Restarting, state));
        Assert.All(states[4..], state => Assert.Equal(OllamaState.CrashLoop, state));
        // Requests do not wait for an attempt that has not answered yet.
        Assert.Equal(OllamaState.CrashLoop, _life.State);
        Happens(OllamaEventKind.Answered, _child);
        Assert.Equal(OllamaState.Ready, _life.State);
    }

    [Fact]
    public void Only_a_full_healthy_minute_clears_earlier_failures()
    {
        Ready();
        Crash();
        _now += s_rules.StableAfter - TimeSpan.FromTicks(1);
        Crash();
        Assert.Equal(2, _life.Failures);

        _now += s_rules.StableAfter;
        Happens(OllamaEventKind.Exited, _child);

        Assert.Equal(1, _life.Failures);
    }

    [Fact]
    public void A_first_start_that_fails_at_once_is_not_retried()
    {
        Happens(OllamaEventKind.Begun);
        Happens(OllamaEventKind.Launched, 1);
        Happens(OllamaEventKind.Exited, 1);

        Assert.Equal([new(OllamaAction.GiveUp, 1)], Happens(OllamaEventKind.Gone, 1));
        Assert.Equal(OllamaState.Stopped, _life.State);
    }

    [Fact]
    public void A_first_start_with_nothing_to_launch_is_not_retried()
    {
        Happens(OllamaEventKind.Begun);

        Assert.Equal([new(OllamaAction.GiveUp, 1)], Happens(OllamaEventKind.NotLaunched, 1));
    }

    [Fact]
    public void A_first_start_that_fails_after_the_start_patience_is_treated_as_a_crash()
    {
        Happens(OllamaEventKind.Begun);
        Happens(OllamaEventKind.Launched, 1);
        Happens(OllamaEventKind.NotAnswered, 1);
        _now += s_rules.StartPatience;
        Happens(OllamaEventKind.Exited, 1);

        Assert.Equal([new(OllamaAction.FindOrLaunch, 2, RestartReason.Exited)], Happens(OllamaEventKind.Gone, 1));
    }

    [Fact]
    public void A_start_that_never_answers_times_out_after_ten_minutes()
    {
        Happens(OllamaEventKind.Begun);
        Happens(OllamaEventKind.Launched, 1);
        var launched = _now;
        while (Happens(OllamaEventKind.NotAnswered, 1) is [])
        {
            TimePasses();
        }

        Assert.Equal(s_rules.StartLimit, _now - launched);
        Assert.Equal([new(OllamaAction.FindOrLaunch, 2, RestartReason.Unhealthy)], Happens(OllamaEventKind.Gone, 1));
    }

    [Fact]
    public void A_suspected_child_is_checked_at_once_and_further_suspicions_replace_it_no_sooner()
    {
        Ready();
        Assert.Equal([new(OllamaAction.Check, 1)], Happens(OllamaEventKind.CheckRequested));
        Assert.Empty(Happens(OllamaEventKind.CheckRequested));

        Assert.Empty(Happens(OllamaEventKind.NotAnswered, 1));

        Assert.Equal(OllamaState.Unhealthy, _life.State);
        Assert.Empty(Happens(OllamaEventKind.CheckRequested));
        Assert.Equal(_now + s_rules.CheckPause, _life.WakeAt);
    }

    [Fact]
    public void An_external_Ollama_that_goes_away_is_used_again_when_it_returns_and_never_replaced()
    {
        Happens(OllamaEventKind.Begun);
        Assert.Empty(Happens(OllamaEventKind.Found, 1));
        Assert.Equal(OllamaState.External, _life.State);

        // A request that could not connect does not wait for the next check.
        Assert.Equal([new(OllamaAction.Check, 1)], Happens(OllamaEventKind.CheckRequested));
        for (var time = 0; time < 100; time++)
        {
            Assert.Empty(Happens(OllamaEventKind.NotAnswered, 1));
            Assert.Equal(OllamaState.Unhealthy, _life.State);
            Assert.Equal([new(OllamaAction.Check, 1)], TimePasses());
        }

        Happens(OllamaEventKind.Answered, 1);
        Assert.Equal(OllamaState.External, _life.State);
        Assert.Empty(Happens(OllamaEventKind.Silent, 1));
        Assert.Empty(Happens(OllamaEventKind.StopAsked));
        Assert.Equal(OllamaState.Stopped, _life.State);
    }

    [Fact]
    public void A_stop_ends_the_child_and_starts_nothing_afterwards()
    {
        Ready();

        Assert.Equal([new(OllamaAction.Stop, 1)], Happens(OllamaEventKind.StopAsked));
        Assert.Equal(OllamaState.Stopping, _life.State);
        Assert.Empty(Happens(OllamaEventKind.Exited, 1));
        Assert.Empty(Happens(OllamaEventKind.Gone, 1));
        Assert.Equal(OllamaState.Stopped, _life.State);
        Assert.Null(_life.WakeAt);
    }

    [Fact]
    public void A_stop_during_a_launch_ends_the_launched_child()
    {
        Happens(OllamaEventKind.Begun);
        Assert.Empty(Happens(OllamaEventKind.StopAsked));
        Assert.Equal(OllamaState.Stopping, _life.State);

        Assert.Equal([new(OllamaAction.Stop, 1)], Happens(OllamaEventKind.Launched, 1));
        Assert.Empty(Happens(OllamaEventKind.Gone, 1));
        Assert.Equal(OllamaState.Stopped, _life.State);
    }

    [Fact]
    public void While_the_proxy_drains_a_child_that_ends_is_not_restarted()
    {
        Ready();
        Assert.Empty(Happens(OllamaEventKind.Draining));
        Assert.Equal(OllamaState.Ready, _life.State);

        Assert.Equal([new(OllamaAction.CleanUp, 1)], Happens(OllamaEventKind.Exited, 1));
        Assert.Empty(Happens(OllamaEventKind.Gone, 1));
        Assert.Equal(OllamaState.Stopped, _life.State);
    }

    [Fact]
    public void Events_of_an_earlier_child_are_ignored()
    {
        Ready();
        TimePasses();
        Crash();

        // The late result of the first child's check does not affect the second child.
        Assert.Empty(Happens(OllamaEventKind.NotAnswered, 1));
        Assert.Empty(Happens(OllamaEventKind.Exited, 1));
        Assert.Equal(OllamaState.Ready, _life.State);
    }

    private void Ready()
    {
        Happens(OllamaEventKind.Begun);
        Happens(OllamaEventKind.Launched, ++_child);
        Happens(OllamaEventKind.Answered, _child);
        Assert.Equal(OllamaState.Ready, _life.State);
    }

    /// <summary>The child exits, and the next one is ready at once.</summary>
    private void Crash()
    {
        Happens(OllamaEventKind.Exited, _child);
        if (Happens(OllamaEventKind.Gone, _child) is [])
        {
            _now = _life.WakeAt!.Value;
            Happens(OllamaEventKind.TimePassed);
        }

        Happens(OllamaEventKind.Launched, ++_child);
        Happens(OllamaEventKind.Answered, _child);
    }

    private OllamaCommand[] Happens(OllamaEventKind happening, int child = 0) => [.. _life.Handle(new OllamaEvent(happening, child), _now)];

    private OllamaCommand[] TimePasses()
    {
        _now = _life.WakeAt!.Value;
        return Happens(OllamaEventKind.TimePassed);
    }
}
