namespace OllamaProxy.Application.Supervision;

/// <summary>
/// The life of the real Ollama as a state machine: it takes events and returns what is to be done, and does nothing itself. No process, no socket, no clock;
/// the time comes with each event. So every rule about when something is started, checked, ended and started again is here, and can be tested as arithmetic.
/// </summary>
/// <remarks>
/// Three things it guarantees whatever the events: there is never a second child beside one that may still live, because only
/// <see cref="OllamaEventKind.Gone"/> makes room for another; an external Ollama is never ended; and nothing is started once a stop was requested or the proxy
/// drains. One caller at a time.
/// </remarks>
public sealed class OllamaLife(OllamaLifeRules rules)
{
    private readonly List<OllamaCommand> _commands = [];
    private Phase _phase = Phase.None;

    /// <summary>The number of the current child, or of the attempt to get one.</summary>
    private int _child;
    private bool _isChecking;
    private int _failedChecks;
    private int _failures;
    private RestartReason? _reason;
    private bool _isDraining;
    private bool _isStopping;

    /// <summary>True until the first Ollama was there, or the patience for it is over.</summary>
    private bool _mayGiveUp = true;
    private TimeSpan _begunAt;
    private TimeSpan _launchedAt;
    private TimeSpan? _readySince;
    private TimeSpan? _checkAt;
    private TimeSpan? _launchAt;

    /// <summary>What there is to look after.</summary>
    private enum Phase
    {
        /// <summary>Nothing.</summary>
        None,

        /// <summary>A start is under way.</summary>
        Launching,

        /// <summary>Our child.</summary>
        Child,

        /// <summary>Our child, or what it left behind, is being ended.</summary>
        Ending,

        /// <summary>Somebody else's.</summary>
        External,
    }

    public OllamaState State { get; private set; } = OllamaState.Starting;

    /// <summary>Failures in a row.</summary>
    public int Failures => _failures;

    /// <summary>When <see cref="OllamaEventKind.TimePassed"/> is due; null without a pending timer.</summary>
    public TimeSpan? WakeAt => _launchAt is { } launch && (_checkAt is not { } check || launch < check) ? launch : _checkAt;

    /// <summary>Takes in what happened; returns what is to be done now, in order. The list is valid until the next call.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="now">The time, on any clock that only goes forward.</param>
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
            // Once it is unhealthy, checks have their own times: more of them would only replace a busy child sooner.
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

    /// <summary>Our child is no good any more: it is ended with all it started, and what comes next is decided when that is done.</summary>
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

    /// <summary>There is no child: another one, now or after a pause, unless this was the end.</summary>
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
