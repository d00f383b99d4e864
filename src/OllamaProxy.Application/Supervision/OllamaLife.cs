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
    private Body _body = Body.None;

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
    private enum Body
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
        Foreign,
    }

    public OllamaState State { get; private set; } = OllamaState.Starting;

    /// <summary>Failures in a row.</summary>
    public int Failures => _failures;

    /// <summary>When <see cref="OllamaEventKind.TimePassed"/> is due; null without a pending timer.</summary>
    public TimeSpan? WakeAt => _launchAt is { } launch && (_checkAt is not { } check || launch < check) ? launch : _checkAt;

    /// <summary>Takes in what happened; returns what is to be done now, in order. The list is valid until the next call.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="now">The time, on any clock that only goes forward.</param>
    public IReadOnlyList<OllamaCommand> Take(OllamaEvent happened, TimeSpan now)
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
            case OllamaEventKind.Found when _body == Body.Launching:
                Adopt(now);
                break;
            case OllamaEventKind.Launched when _body == Body.Launching:
                Welcome(now);
                break;
            case OllamaEventKind.NotLaunched when _body == Body.Launching:
                _body = Body.None;
                Count(RestartReason.Exited, now);
                Continue(now);
                break;
            case OllamaEventKind.Answered:
                Answered(now);
                break;
            case OllamaEventKind.NotAnswered:
                NotAnswered(now);
                break;
            case OllamaEventKind.Silent when _body == Body.Child && State is OllamaState.Ready or OllamaState.Unhealthy:
                Replace(RestartReason.Hung, now);
                break;
            // Once it is unhealthy, checks have their own times: more of them would only replace a busy child sooner.
            case OllamaEventKind.Doubted when State is OllamaState.Ready or OllamaState.External:
                Check();
                break;
            case OllamaEventKind.Exited when _body == Body.Child:
                Replace(RestartReason.Exited, now);
                break;
            case OllamaEventKind.Gone when _body == Body.Ending:
                _body = Body.None;
                Continue(now);
                break;
            case OllamaEventKind.TimePassed:
                TimePassed(now);
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
        _body = Body.Launching;
        _readySince = null;
        State = _failures >= rules.CrashLoopAfter ? OllamaState.CrashLoop : OllamaState.Starting;
        Do(OllamaAction.FindOrLaunch, _reason);
    }

    private void Adopt(TimeSpan now)
    {
        _body = Body.Foreign;
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

    private void Welcome(TimeSpan now)
    {
        _body = Body.Child;
        _launchedAt = now;
        _failedChecks = 0;
        _isChecking = false;
        if (_isStopping)
        {
            Bury(OllamaAction.Stop);
        }
        else
        {
            Check();
        }
    }

    private void Answered(TimeSpan now)
    {
        _isChecking = false;
        if (_body is not (Body.Child or Body.Foreign))
        {
            return;
        }

        _failedChecks = 0;
        _checkAt = now + rules.CheckPause;
        if (_body == Body.Foreign)
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

    private void NotAnswered(TimeSpan now)
    {
        _isChecking = false;
        if (_body == Body.Foreign)
        {
            State = OllamaState.Unhealthy;
            _checkAt = now + rules.WaitingCheckPause;
        }
        else if (_body == Body.Child && _readySince is null)
        {
            var age = now - _launchedAt;
            if (age >= rules.StartLimit)
            {
                Replace(RestartReason.Unhealthy, now);
                return;
            }

            _checkAt = now + (age < rules.StartPatience ? rules.StartingCheckPause : rules.WaitingCheckPause);
        }
        else if (_body == Body.Child)
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
        Count(reason, now);
        Bury(reason == RestartReason.Exited ? OllamaAction.CleanUp : OllamaAction.Stop);
    }

    private void Count(RestartReason reason, TimeSpan now)
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

    private void Bury(OllamaAction how)
    {
        _body = Body.Ending;
        _checkAt = null;
        _isChecking = false;
        Do(how);
    }

    /// <summary>There is no child: another one, now or after a pause, unless this was the end.</summary>
    private void Continue(TimeSpan now)
    {
        if (_isStopping || _isDraining)
        {
            End();
        }
        else if (_mayGiveUp)
        {
            End();
            Do(OllamaAction.GiveUp);
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

    private void TimePassed(TimeSpan now)
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
            Do(OllamaAction.Check);
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
        switch (_body)
        {
            case Body.Child:
                State = OllamaState.Stopping;
                Bury(OllamaAction.Stop);
                break;
            case Body.Launching or Body.Ending:
                State = OllamaState.Stopping;
                break;
            default:
                End();
                break;
        }
    }

    private void End()
    {
        _body = Body.None;
        _checkAt = null;
        _launchAt = null;
        State = OllamaState.Stopped;
    }

    private void Do(OllamaAction action, RestartReason? reason = null) => _commands.Add(new OllamaCommand(action, _child, reason));
}
