using System.ComponentModel;
using System.Diagnostics;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>A running child: its output, its exit, and how to stop it with all its descendants.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(25);

    /// <summary>How long killed processes may take to disappear; the kernel needs time to free much memory.</summary>
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

    /// <summary>Completes with the exit code (128 plus the signal's number after a signal).</summary>
    public Task<int> Exited => _exited.Task;

    /// <summary>Starts the child. Throws <see cref="Win32Exception"/> when the system cannot start it.</summary>
    /// <param name="start">The command and its options.</param>
    /// <param name="onLine">Receives each line of output.</param>
    /// <param name="time">The clock.</param>
    public static Task<ChildProcess> StartAsync(ChildStart start, Action<string> onLine, TimeProvider time)
    {
        var info = start.Info;
        info.RedirectStandardOutput = info.RedirectStandardError = info.RedirectStandardInput = true;
        info.UseShellExecute = false;
        if (OperatingSystem.IsWindows())
        {
            // A new group ignores Ctrl+C and can receive Ctrl+Break. It needs a console for that: ours, or else a hidden one.
            info.CreateNewProcessGroup = true;
            info.CreateNoWindow = !WindowsJob.HasConsole;
        }

        var started = new TaskCompletionSource<ChildProcess>(TaskCreationOptions.RunContinuationsAsynchronously);

        // The kernel sends the parent-death signal when the forking thread ends, not the process, so that thread lives as long as the child.
        new Thread(() => Run(new ChildProcess(start, new OutputTail(onLine), time), started))
        {
            IsBackground = true,
            Name = "ollama child",
        }.Start();
        return started.Task;
    }

    /// <summary>Waits briefly for the output of an exited child; its descendants can hold the pipe open for longer.</summary>
    public Task DrainedAsync() => Task.WhenAny(_drained, Task.Delay(TimeSpan.FromMilliseconds(500), _time));

    /// <summary>
    /// Asks the child and its descendants to exit, and kills them after <paramref name="patience"/> or on cancellation. False when even killed processes
    /// remain, which a driver can cause.
    /// </summary>
    public async Task<bool> StopAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!IsAlive)
        {
            // Send no signal either: another process group may have reused the id.
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

    /// <summary>Kills the child and its descendants.</summary>
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
        // Pass any exception to the caller; unhandled on this thread it would end the program.
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

/// <param name="Info">The command.</param>
/// <param name="OwnGroup">True when the child creates its own process group.</param>
/// <param name="WatchesInput">True when the child exits at the end of its input, which stays open while the proxy lives.</param>
internal sealed record ChildStart(ProcessStartInfo Info, bool OwnGroup, bool WatchesInput);
