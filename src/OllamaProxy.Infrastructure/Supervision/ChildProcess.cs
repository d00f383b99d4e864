using System.ComponentModel;
using System.Diagnostics;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>A running child: its output, its end, and the way to end it with everything it started.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(25);

    /// <summary>How long the killed may take to be gone; the kernel needs that for processes with much memory.</summary>
    private static readonly TimeSpan s_killPatience = TimeSpan.FromSeconds(2);

    private readonly Process _process;
    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ChildStart _start;
    private readonly TimeProvider _time;
    private ChildFamily? _family;
    private Task _drained = Task.CompletedTask;

    private ChildProcess(ChildStart start, OutputTail output, TimeProvider time)
    {
        _process = new Process { StartInfo = start.Info };
        (_start, Output, _time) = (start, output, time);
    }

    public int Id { get; private set; }

    private bool IsAlive => !Exited.IsCompleted || _family is { IsAlive: true };

    public OutputTail Output { get; }

    /// <summary>Completes with the exit code (128 and the signal's number when a signal ended it).</summary>
    public Task<int> Exited => _exited.Task;

    /// <summary>Starts the child. Throws <see cref="Win32Exception"/> when the system cannot.</summary>
    /// <param name="start">What to start, and how it lives.</param>
    /// <param name="onLine">Gets each line of its output.</param>
    /// <param name="time">The clock.</param>
    public static Task<ChildProcess> StartAsync(ChildStart start, Action<string> onLine, TimeProvider time)
    {
        var info = start.Info;
        info.RedirectStandardOutput = info.RedirectStandardError = info.RedirectStandardInput = true;
        info.UseShellExecute = false;
        if (OperatingSystem.IsWindows())
        {
            // A group of its own takes no Ctrl+C and can be sent Ctrl+Break. It shares our console where we have one, and gets a hidden one otherwise.
            info.CreateNewProcessGroup = true;
            info.CreateNoWindow = !WindowsJob.HasConsole;
        }

        var started = new TaskCompletionSource<ChildProcess>(TaskCreationOptions.RunContinuationsAsynchronously);

        // The kernel's parent-death signal fires when the thread that forked ends, not the process: so that thread stays for as long as the child does.
        new Thread(() => Run(new ChildProcess(start, new OutputTail(onLine), time), started))
        {
            IsBackground = true,
            Name = "ollama child",
        }.Start();
        return started.Task;
    }

    /// <summary>Waits a moment for the output of a child that has ended; what it started may hold the pipe open for longer.</summary>
    public Task DrainedAsync() => Task.WhenAny(_drained, Task.Delay(TimeSpan.FromMilliseconds(500), _time));

    /// <summary>
    /// Asks the child and all it started to end, and kills what is left after <paramref name="patience"/> or when the token is cancelled.
    /// True when nothing of them runs any more; false when even the killed are still there, which a driver can bring about.
    /// </summary>
    public async Task<bool> StopAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!IsAlive)
        {
            // No signal either: another group may have the number of an ended one.
            return true;
        }

        if (patience > TimeSpan.Zero && !cancellationToken.IsCancellationRequested)
        {
            _family?.Terminate();
            if (await WaitAsync(patience, cancellationToken))
            {
                return true;
            }
        }

        Kill();
        return await WaitAsync(s_killPatience, CancellationToken.None);
    }

    /// <summary>Ends the child and all it started, at once.</summary>
    public void Kill() => _family?.Kill();

    public void Dispose()
    {
        _family?.Dispose();
        _process.Dispose();
    }

    private static void Run(ChildProcess child, TaskCompletionSource<ChildProcess> started)
    {
        var process = child._process;
        try
        {
            process.Start();
            child._family = ChildFamily.Of(process, child._start.OwnGroup);
            if (!child._start.WatchesInput)
            {
                process.StandardInput.Close();
            }
        }
        // Whatever it was belongs to the caller; on this thread it would end the program.
        catch (Exception exception)
        {
            started.SetException(exception);
            return;
        }

        child.Id = process.Id;
        child._drained = Task.WhenAll(child.Output.DrainAsync(process.StandardOutput), child.Output.DrainAsync(process.StandardError));
        started.SetResult(child);
        process.WaitForExit();
        child._exited.SetResult(process.ExitCode);
    }

    private async Task<bool> WaitAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        var begun = _time.GetTimestamp();
        while (IsAlive)
        {
            if (cancellationToken.IsCancellationRequested || _time.GetElapsedTime(begun) >= patience)
            {
                return false;
            }

            await Task.WhenAny(Task.Delay(s_poll, _time, cancellationToken));
        }

        return true;
    }
}

/// <param name="Info">What to start.</param>
/// <param name="OwnGroup">True when the child makes itself a process group of its own.</param>
/// <param name="WatchesInput">True when the child ends at the end of its input, which is then held open for as long as we live.</param>
internal sealed record ChildStart(ProcessStartInfo Info, bool OwnGroup, bool WatchesInput);
