using System.ComponentModel;
using System.Diagnostics;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// A child and everything it has started, which is what has to end: an Ollama that is killed leaves its runners behind, and they keep their memory for ever.
/// Each system has its own word for such a family: a process group, or a job object.
/// </summary>
internal abstract class ChildFamily : IDisposable
{
    /// <summary>Whether a member still runs.</summary>
    public abstract bool IsAlive { get; }

    /// <param name="process">The child, just started.</param>
    /// <param name="ownGroup">True when it makes itself the leader of a process group (<see cref="ChildShim"/>).</param>
    public static ChildFamily Of(Process process, bool ownGroup) =>
        OperatingSystem.IsWindows() ? new WindowsJob(process) :
        ownGroup ? new ProcessGroup(process.Id) :
        new ProcessTree(process);

    /// <summary>Asks the members to end.</summary>
    public abstract void Terminate();

    /// <summary>Ends the members, at once.</summary>
    public abstract void Kill();

    public virtual void Dispose()
    {
    }

    /// <summary>Where no shim can be started: the child alone is asked, and what is still its descendant is killed.</summary>
    private sealed class ProcessTree(Process process) : ChildFamily
    {
        public override bool IsAlive => !process.HasExited;

        public override void Terminate()
        {
            if (!OperatingSystem.IsWindows() && !process.HasExited)
            {
                _ = Posix.Kill(process.Id, Posix.SigTerm);
            }
        }

        public override void Kill()
        {
            try
            {
                process.Kill(entireProcessTree: true);
            }
            catch (Exception exception) when (exception is InvalidOperationException or Win32Exception or AggregateException)
            {
                // It had ended already.
            }
        }
    }
}
