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
    private readonly bool _ownGroup;
    private readonly TimeProvider _time;
    private Task _drained = Task.CompletedTask;

    private ChildProcess(Process process, bool ownGroup, OutputTail output, TimeProvider time) =>
        (_process, _ownGroup, Output, _time) = (process, ownGroup, output, time);

    public int Id { get; private set; }

    public OutputTail Output { get; }

    /// <summary>Completes with the exit code (128 and the signal's number when a signal ended it).</summary>
    public Task<int> Exited => _exited.Task;

    /// <summary>Starts the child. Throws <see cref="Win32Exception"/> when the system cannot.</summary>
    /// <param name="start">What to start.</param>
    /// <param name="ownGroup">True when the child makes itself a process group of its own (see <see cref="ChildShim"/>).</param>
    /// <param name="onLine">Gets each line of its output.</param>
    /// <param name="time">The clock.</param>
    public static Task<ChildProcess> StartAsync(ProcessStartInfo start, bool ownGroup, Action<string> onLine, TimeProvider time)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = start.RedirectStandardInput = true;
        start.UseShellExecute = false;
        start.CreateNoWindow = true;
        var started = new TaskCompletionSource<ChildProcess>(TaskCreationOptions.RunContinuationsAsynchronously);

        // The kernel's parent-death signal fires when the thread that forked ends, not the process: so that thread stays for as long as the child does.
        new Thread(() => Run(new ChildProcess(new Process { StartInfo = start }, ownGroup, new OutputTail(onLine), time), started))
        {
            IsBackground = true,
            Name = "ollama child",
        }.Start();
        return started.Task;
    }

    /// <summary>Waits a moment for the output of a child that has ended; what it started may hold the pipe open for longer.</summary>
    public Task DrainedAsync() => Task.WhenAny(_drained, Task.Delay(TimeSpan.FromMilliseconds(500), _time));

    /// <summary>Asks the child and all it started to end, and kills what is left after <paramref name="patience"/> or when the token is cancelled.</summary>
    public async Task StopAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows())
        {
            Kill();
            await WaitAsync(s_killPatience, CancellationToken.None);
            return;
        }

        if (OperatingSystem.IsLinux() && _ownGroup)
        {
            ProcessGroup.Signal(Id, Posix.SigTerm);
        }
        else if (!Exited.IsCompleted)
        {
            _ = Posix.Kill(Id, Posix.SigTerm);
        }

        if (!await WaitAsync(patience, cancellationToken))
        {
            Kill();
            await WaitAsync(s_killPatience, CancellationToken.None);
        }
    }

    /// <summary>Ends the child and all it started, at once.</summary>
    public void Kill()
    {
        if (OperatingSystem.IsLinux() && _ownGroup)
        {
            ProcessGroup.Signal(Id, Posix.SigKill);
            return;
        }

        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It had ended already.
        }
    }

    public void Dispose() => _process.Dispose();

    private static void Run(ChildProcess child, TaskCompletionSource<ChildProcess> started)
    {
        var process = child._process;
        try
        {
            process.Start();
            process.StandardInput.Close();
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
        while (IsAlive())
        {
            if (cancellationToken.IsCancellationRequested || _time.GetElapsedTime(begun) >= patience)
            {
                return false;
            }

            await Task.WhenAny(Task.Delay(s_poll, _time, cancellationToken));
        }

        return true;
    }

    private bool IsAlive() => !Exited.IsCompleted || (OperatingSystem.IsLinux() && _ownGroup && ProcessGroup.IsAlive(Id));
}
