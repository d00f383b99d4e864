namespace OllamaProxy.Application.Supervision;

/// <summary>
/// The life of Ollama as a state machine: events in, state and commands out. It has no process, socket or clock; the time comes with each event. All rules
/// about starting, checking, stopping and restarting are here, so they can be tested without I/O.
/// </summary>
/// <remarks>
/// Invariants: a second child is never started while the first may live (only <see cref="OllamaEventKind.Gone"/> permits it); an external Ollama is never
/// stopped; nothing starts after a stop was requested or while the proxy drains. One caller at a time.
/// </remarks>
public sealed class OllamaLife(OllamaLifeRules rules)
{
    private readonly List<OllamaCommand> _commands = [];
    private Phase _phase = Phase.None;

    /// <summary>The number of the current child, or of the current attempt to start one.</summary>
    private int _child;
    private bool _isChecking;
    private int _failedChecks;
    private int _failures;
    private RestartReason? _reason;
    private bool _isDraining;
    private bool _isStopping;

    /// <summary>True until the first Ollama answers or <see cref="OllamaLifeRules.StartPatience"/> ends: a failure until then ends the program.</summary>
    private bool _mayGiveUp = true;
    private TimeSpan _begunAt;
    private TimeSpan _launchedAt;
    private TimeSpan? _readySince;
    private TimeSpan? _checkAt;
    private TimeSpan? _launchAt;

    /// <summary>The phase of the supervised process.</summary>
    private enum Phase
    {
        None,

        /// <summary>A start is in progress.</summary>
        Launching,

        /// <summary>Our child.</summary>
        Child,

        /// <summary>Our child, or its process group after it exited, is being stopped.</summary>
        Ending,

        /// <summary>An Ollama that the proxy did not start.</summary>
        External,
    }

    public OllamaState State { get; private set; } = OllamaState.Starting;

    /// <summary>Consecutive failures.</summary>
    public int Failures => _failures;

    /// <summary>When <see cref="OllamaEventKind.TimePassed"/> is due; null without a pending timer.</summary>
    public TimeSpan? WakeAt => _launchAt is { } launch && (_checkAt is not { } check || launch < check) ? launch : _checkAt;

    /// <summary>Handles an event and returns the commands to run now, in order. The list is valid until the next call.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="now">The time on any monotonic clock.</param>
    public IReadOnlyList<OllamaCommand> Handle(OllamaEvent happened, TimeSpan now)
    {
        _commands.Clear();
        if (happened.Child != 0 && happened.Child != _child)
        {
            return _commands;
        }

        switch (happened.Happening)
        {
            case OllamaEventKind.Begun when _child == 0 && !_isStopping && !_isDraining:
                _begunAt = now;
                Launch();
                break;
            case OllamaEventKind.Found when _phase == Phase.Launching:
                Adopt(now);
                break;
            case OllamaEventKind.Launched when _phase == Phase.Launching:
                TrackChild(now);
                break;
            case OllamaEventKind.NotLaunched when _phase == Phase.Launching:
                _phase = Phase.None;
                CountFailure(RestartReason.Exited, now);
                ContinueWithoutChild(now);
                break;
            case OllamaEventKind.Answered:
                HandleAnswer(now);
                break;
            case OllamaEventKind.NotAnswered:
                HandleNoAnswer(now);
                break;
            case OllamaEventKind.Silent when _phase == Phase.Child && State is OllamaState.Ready or OllamaState.Unhealthy:
                Replace(RestartReason.Hung, now);
                break;
            // An unhealthy Ollama has its own check times; extra checks would replace a busy child too early.
            case OllamaEventKind.CheckRequested when State is OllamaState.Ready or OllamaState.External:
                Check();
                break;
            case OllamaEventKind.Exited when _phase == Phase.Child:
                Replace(RestartReason.Exited, now);
                break;
            case OllamaEventKind.Gone when _phase == Phase.Ending:
                _phase = Phase.None;
                ContinueWithoutChild(now);
                break;
            case OllamaEventKind.TimePassed:
                HandleTimer(now);
                break;
            case OllamaEventKind.Draining:
                _isDraining = true;
                CancelLaunch();
                break;
            case OllamaEventKind.StopAsked:
                Stop();
                break;
        }

        return _commands;
    }

    private void Launch()
    {
        _launchAt = null;
        _child++;
        _phase = Phase.Launching;
        _readySince = null;
        State = _failures >= rules.CrashLoopAfter ? OllamaState.CrashLoop : OllamaState.Starting;
        Add(OllamaAction.FindOrLaunch, _reason);
    }

    private void Adopt(TimeSpan now)
    {
        _phase = Phase.External;
        _isChecking = false;
        _mayGiveUp = false;
        _failures = 0;
        if (_isStopping)
        {
            End();
            return;
        }

        State = OllamaState.External;
        _checkAt = now + rules.CheckPause;
    }

    private void TrackChild(TimeSpan now)
    {
        _phase = Phase.Child;
        _launchedAt = now;
        _failedChecks = 0;
        _isChecking = false;
        if (_isStopping)
        {
            EndChild(OllamaAction.Stop);
        }
        else
        {
            Check();
        }
    }

    private void HandleAnswer(TimeSpan now)
    {
        _isChecking = false;
        if (_phase is not (Phase.Child or Phase.External))
        {
            return;
        }

        _failedChecks = 0;
        _checkAt = now + rules.CheckPause;
        if (_phase == Phase.External)
        {
            State = OllamaState.External;
        }
        else
        {
            State = OllamaState.Ready;
            _readySince ??= now;
            _mayGiveUp = false;
        }
    }

    private void HandleNoAnswer(TimeSpan now)
    {
        _isChecking = false;
        if (_phase == Phase.External)
        {
            State = OllamaState.Unhealthy;
            _checkAt = now + rules.WaitingCheckPause;
        }
        else if (_phase == Phase.Child && _readySince is null)
        {
            var age = now - _launchedAt;
            if (age >= rules.StartLimit)
            {
                Replace(RestartReason.Unhealthy, now);
                return;
            }

            _checkAt = now + (age < rules.StartPatience ? rules.StartingCheckPause : rules.WaitingCheckPause);
        }
        else if (_phase == Phase.Child)
        {
            State = OllamaState.Unhealthy;
            _checkAt = now + rules.CheckPause;
            if (++_failedChecks >= rules.FailedChecks)
            {
                Replace(RestartReason.Unhealthy, now);
            }
        }
    }

    /// <summary>Stops a failed child and its process group; the next step is decided when they are gone.</summary>
    private void Replace(RestartReason reason, TimeSpan now)
    {
        CountFailure(reason, now);
        EndChild(reason == RestartReason.Exited ? OllamaAction.CleanUp : OllamaAction.Stop);
    }

    private void CountFailure(RestartReason reason, TimeSpan now)
    {
        if (now - _readySince >= rules.StableAfter)
        {
            _failures = 0;
        }

        _failures++;
        _reason = reason;
        _mayGiveUp &= now - _begunAt < rules.StartPatience;
        State =
            _isStopping || _isDraining || _mayGiveUp ? OllamaState.Stopping :
            _failures >= rules.CrashLoopAfter ? OllamaState.CrashLoop :
            OllamaState.Restarting;
    }

    private void EndChild(OllamaAction how)
    {
        _phase = Phase.Ending;
        _checkAt = null;
        _isChecking = false;
        Add(how);
    }

    /// <summary>Without a child: restarts now or after a pause, or ends.</summary>
    private void ContinueWithoutChild(TimeSpan now)
    {
        if (_isStopping || _isDraining)
        {
            End();
        }
        else if (_mayGiveUp)
        {
            End();
            Add(OllamaAction.GiveUp);
        }
        else if (rules.PauseAfter(_failures) is var pause && pause > TimeSpan.Zero)
        {
            _launchAt = now + pause;
        }
        else
        {
            Launch();
        }
    }

    private void HandleTimer(TimeSpan now)
    {
        if (_launchAt <= now)
        {
            Launch();
        }
        else if (_checkAt <= now)
        {
            Check();
        }
    }

    private void Check()
    {
        _checkAt = null;
        if (!_isChecking && !_isStopping)
        {
            _isChecking = true;
            Add(OllamaAction.Check);
        }
    }

    private void CancelLaunch()
    {
        if (_launchAt is not null)
        {
            End();
        }
    }

    private void Stop()
    {
        _isStopping = true;
        switch (_phase)
        {
            case Phase.Child:
                State = OllamaState.Stopping;
                EndChild(OllamaAction.Stop);
                break;
            case Phase.Launching or Phase.Ending:
                State = OllamaState.Stopping;
                break;
            default:
                End();
                break;
        }
    }

    private void End()
    {
        _phase = Phase.None;
        _checkAt = null;
        _launchAt = null;
        State = OllamaState.Stopped;
    }

    private void Add(OllamaAction action, RestartReason? reason = null) => _commands.Add(new OllamaCommand(action, _child, reason));
}
