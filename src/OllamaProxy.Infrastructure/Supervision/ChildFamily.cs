using System.ComponentModel;
using System.Diagnostics;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// A child and all its descendants, as a process group or a job object. They must end together: a killed Ollama leaves its runners behind, which keep their
/// memory forever.
/// </summary>
internal abstract class ChildFamily : IDisposable
{
    /// <summary>True while a member runs.</summary>
    public abstract bool IsAlive { get; }

    /// <param name="process">The started child.</param>
    /// <param name="ownGroup">True when the child leads its own process group (<see cref="ChildShim"/>).</param>
    public static ChildFamily Of(Process process, bool ownGroup) =>
        OperatingSystem.IsWindows() ? new WindowsJob(process) :
        ownGroup ? new ProcessGroup(process.Id) :
        new ProcessTree(process);

    /// <summary>Asks all members to exit.</summary>
    public abstract void Terminate();

    /// <summary>Kills all members.</summary>
    public abstract void Kill();

    public virtual void Dispose()
    {
    }

    /// <summary>The fallback without a shim: asks only the child, and kills its current descendants.</summary>
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
                // It had already exited.
            }
        }
    }
}
