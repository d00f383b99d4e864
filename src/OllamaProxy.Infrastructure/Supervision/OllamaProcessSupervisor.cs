using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// Runs <see cref="OllamaLife"/>: passes it one event at a time, executes its commands, and posts the results as events. It decides nothing itself. One loop
/// owns the state machine and the child; other threads read the published state or post an event.
/// </summary>
internal sealed partial class OllamaProcessSupervisor : IOllamaProcessSupervisor, IDisposable
{
    /// <summary>How long Ollama may take to stop its runners before it is killed; a healthy one needs 0.1 s.</summary>
    private static readonly TimeSpan s_stopPatience = TimeSpan.FromSeconds(5);

    /// <summary>The longest wait of a stop. A process that survives a kill for this long is blocked in a driver.</summary>
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(12);

    /// <summary>The timeout of a check: a machine that computes on every core answers slowly and is still healthy.</summary>
    private static readonly TimeSpan s_checkTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The timeout during the start: a request to a socket that listens but is not served yet is never answered.</summary>
    private static readonly TimeSpan s_startingCheckTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_hangLook = TimeSpan.FromSeconds(1);

    /// <summary>How long a request that could not connect waits for the exit of the child to be noticed.</summary>
    private static readonly TimeSpan s_newsPatience = TimeSpan.FromSeconds(5);

    /// <summary>Lines of Ollama's output in the message about its exit. The debug log has all of them.</summary>
    private const int LinesInMessage = 20;

    private readonly OllamaOptions _options;
    private readonly OllamaLifeRules _rules;
    private readonly OllamaLife _life;
    private readonly OllamaLauncher _launcher;
    private readonly IInferenceProgress _progress;
    private readonly ProxyMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BackendProbe _probe = new();
    private readonly long _begun;
    private readonly Channel<OllamaEvent> _events = Channel.CreateUnbounded<OllamaEvent>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _killNow = new();
    private readonly CancellationTokenSource _disposed = new();
    private volatile Uri _backend;
    private volatile ChildProcess? _child;
    private readonly PublishedState _state;
    private string? _problem;
    private Task? _loop;
    private long _launchedAt;

    public OllamaProcessSupervisor(OllamaOptions options, IInferenceProgress progress, ProxyMetrics metrics, TimeProvider time, ILoggerFactory loggers)
    {
        (_options, _progress, _metrics, _time) = (options, progress, metrics, time);
        _logger = loggers.CreateLogger<OllamaProcessSupervisor>();
        _launcher = new OllamaLauncher(options, _probe, _logger, loggers.CreateLogger("ollama"), time);
        _rules = new OllamaLifeRules { CheckPause = options.HealthPause };
        _life = new OllamaLife(_rules);
        _backend = OllamaLauncher.DefaultAddress(options);
        _state = new PublishedState(time);
        _begun = time.GetTimestamp();
    }

    public OllamaState State => _state.Current;

    public Uri Backend => _backend;

    public int? ProcessId => _child is { Exited.IsCompleted: false } child ? child.Id : null;

    private TimeSpan Now => _time.GetElapsedTime(_begun);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _loop = RunAsync();
        Post(OllamaEventKind.Begun);
        if (_options.HangAfter > TimeSpan.Zero)
        {
            _ = WatchForHangsAsync();
        }

        await _state.UntilAsync(static state => !state.IsComing() && state != OllamaState.Stopping, _rules.StartPatience, cancellationToken);
        if (State is OllamaState.Stopping or OllamaState.Stopped)
        {
            throw new OllamaNotFoundException(_problem ?? "Ollama was stopped while it was starting.");
        }

        if (State.IsComing())
        {
            Log.StillStarting(_logger, ProcessId);
        }
    }

    public async Task<bool> WaitAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        await _state.UntilAsync(static state => !state.IsComing(), limit, cancellationToken);
        return State.AcceptsRequests();
    }

    public async Task<bool> WaitForSuccessorAsync(int? processId, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (_child is null)
        {
            RequestCheck();
            return false;
        }

        // The request can fail before the supervisor notices that the child exited.
        await _state.UntilAsync(state => !state.AcceptsRequests() || ProcessId is { } id && id != processId, s_newsPatience < limit ? s_newsPatience : limit,
            cancellationToken);
        return await WaitAsync(limit, cancellationToken) && ProcessId is { } successor && successor != processId;
    }

    public void RequestCheck() => Post(OllamaEventKind.CheckRequested);

    public void Drain() => Post(OllamaEventKind.Draining);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_loop is null)
        {
            return;
        }

        await using var registration = cancellationToken.UnsafeRegister(static cancel => ((CancellationTokenSource)cancel!).Cancel(), _killNow);
        Post(OllamaEventKind.StopAsked);
        await Task.WhenAny(_loop, _state.UntilAsync(static state => state == OllamaState.Stopped, s_stopLimit, CancellationToken.None));
        if (ProcessId is { } id)
        {
            Log.StillThere(_logger, id);
            _child?.Kill();
        }
    }

    public void KillAtOnce()
    {
        Post(OllamaEventKind.StopAsked);
        _killNow.Cancel();
        _child?.Kill();
    }

    public void Dispose()
    {
        _disposed.Cancel();
        _events.Writer.TryComplete();
        _probe.Dispose();
        _child?.Dispose();
    }

    private void Post(OllamaEventKind happening, int child = 0) => _events.Writer.TryWrite(new OllamaEvent(happening, child));

    private async Task RunAsync()
    {
        try
        {
            while (!_disposed.IsCancellationRequested)
            {
                var happened = await NextAsync();
                var before = _life.State;
                var commands = _life.Handle(happened, Now);
                LogChange(happened, before, commands);
                _state.Set(_life.State);
                foreach (var command in commands)
                {
                    _ = ExecuteAsync(command);
                }
            }
        }
        catch (Exception exception) when (exception is ChannelClosedException or ObjectDisposedException)
        {
            // The program ends.
        }
        // Nothing is restarted after this, but the proxy keeps using the running Ollama.
        catch (Exception exception)
        {
            Log.Broken(_logger, exception);
        }
    }

    /// <summary>Returns the next event, or <see cref="OllamaEventKind.TimePassed"/> when the timer of the state machine is due.</summary>
    private async ValueTask<OllamaEvent> NextAsync()
    {
        if (_events.Reader.TryRead(out var happened))
        {
            return happened;
        }

        if (_life.WakeAt is not { } wakeAt)
        {
            return await _events.Reader.ReadAsync();
        }

        var left = wakeAt - Now;
        if (left > TimeSpan.Zero)
        {
            using var over = new CancellationTokenSource(left, _time);
            await ((Task)_events.Reader.WaitToReadAsync(over.Token).AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_events.Reader.TryRead(out happened))
            {
                return happened;
            }
        }

        return new OllamaEvent(OllamaEventKind.TimePassed);
    }

    private async Task ExecuteAsync(OllamaCommand command)
    {
        try
        {
            await (command.Action switch
            {
                OllamaAction.FindOrLaunch => LaunchAsync(command),
                OllamaAction.Check => CheckAsync(command.Child),
                OllamaAction.Stop => StopChildAsync(command.Child, s_stopPatience),
                OllamaAction.CleanUp => StopChildAsync(command.Child, TimeSpan.Zero),
                _ => Task.CompletedTask,
            });
        }
        // The state machine now waits for an event that will never come.
        catch (Exception exception)
        {
            if (!_disposed.IsCancellationRequested)
            {
                Log.Broken(_logger, exception);
            }
        }
    }

    private async Task LaunchAsync(OllamaCommand command)
    {
        if (command.Reason is { } reason)
        {
            Log.StartingAgain(_logger, Describe(reason));
            _metrics.CountRestart(reason);
        }

        try
        {
            var launch = await _launcher.FindOrLaunchAsync(_backend, _disposed.Token);
            _backend = launch.Backend;
            _problem = launch.Problem;
            if (launch.Child is { } child)
            {
                _launchedAt = _time.GetTimestamp();
                _child?.Dispose();
                _child = child;
                Post(OllamaEventKind.Launched, command.Child);
                await child.Exited;
                Post(OllamaEventKind.Exited, command.Child);
            }
            else if (launch.Problem is null)
            {
                _child?.Dispose();
                _child = null;
                Post(OllamaEventKind.Found, command.Child);
            }
            else
            {
                Post(OllamaEventKind.NotLaunched, command.Child);
            }
        }
        // Any failure: the next attempt may succeed, and the state machine must learn of this one.
        catch (Exception exception) when (!_disposed.IsCancellationRequested)
        {
            _problem = $"Ollama could not be started: {exception.Message}";
            Post(OllamaEventKind.NotLaunched, command.Child);
        }
    }

    /// <summary>A check fails only when Ollama neither answers it nor sends a byte of any response: a busy machine is slow, not dead.</summary>
    private async Task CheckAsync(int child)
    {
        var begun = _time.GetTimestamp();
        var isStarting = !State.AcceptsRequests();
        var timeout = isStarting ? s_startingCheckTimeout : _rules.CheckPause < s_checkTimeout ? _rules.CheckPause : s_checkTimeout;
        var version = await _probe.VersionAsync(_backend, timeout, CancellationToken.None);
        if (version is not null && _child is { Exited.IsCompleted: false } && isStarting)
        {
            Log.Ready(_logger, version, (long)_time.GetElapsedTime(_launchedAt).TotalMilliseconds);
        }

        Post(version is not null || (!isStarting && _progress.HasHeardSince(begun)) ? OllamaEventKind.Answered : OllamaEventKind.NotAnswered, child);
    }

    /// <summary>Stops the child and its process group, however long that takes: two must never run side by side.</summary>
    private async Task StopChildAsync(int number, TimeSpan patience)
    {
        var child = _child!;
        var endedByItself = child.Exited.IsCompleted;
        for (var told = false; !await child.StopAsync(patience, _killNow.Token); told = true)
        {
            if (!told)
            {
                Log.StillThere(_logger, child.Id);
            }
        }

        await child.DrainedAsync();
        if (endedByItself)
        {
            _problem = await DescribeExitAsync(child);
        }

        Post(OllamaEventKind.Gone, number);
    }

    private async Task WatchForHangsAsync()
    {
        using var timer = new PeriodicTimer(s_hangLook, _time);
        while (await timer.WaitForNextTickAsync(_disposed.Token))
        {
            if (_progress.SilentFor() >= _options.HangAfter)
            {
                Post(OllamaEventKind.Silent);
            }
        }
    }

    private static async Task<string> DescribeExitAsync(ChildProcess child)
    {
        var lines = child.Output.Last(LinesInMessage).Where(static line => line.Length > 0).ToList();
        var reason = lines.FindLast(static line => OllamaLine.LevelOf(line) == LogLevel.Error);
        var text = new StringBuilder($"Ollama exited unexpectedly (exit code {await child.Exited}){(reason is null ? "" : $": {reason}")}");
        text.Append(reason?.EndsWith('.') == true ? "" : ".").Append(lines.Count == 0 ? " It printed nothing." : " Its last lines:");
        foreach (var line in lines)
        {
            text.AppendLine().Append("  ").Append(line);
        }

        return text.ToString();
    }

    private static string Describe(RestartReason reason) => reason switch
    {
        RestartReason.Exited => "it exited",
        RestartReason.Unhealthy => "it did not answer",
        _ => "its inferences were stalled",
    };
}
