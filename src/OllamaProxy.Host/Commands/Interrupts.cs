using System.Runtime.InteropServices;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// The signals that stop the program. The host drains at the first SIGINT, SIGTERM or SIGQUIT; this adds SIGHUP, which a closed terminal sends. Ctrl+C during a
/// stop ends the program at once. The runtime keeps ignoring a signal that was ignored at the start (<c>nohup</c>, a background job of a script).
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _signals;
    private int _isAtOnce;

    /// <summary>True after Ctrl+C during a stop. When Ollama is gone, the program may finish before <see cref="Environment.Exit"/> ends it.</summary>
    public bool IsAtOnce => Volatile.Read(ref _isAtOnce) != 0;

    /// <param name="lifetime">Drains and stops the host.</param>
    /// <param name="endAtOnce">Runs before the program ends at once.</param>
    public void Watch(IHostApplicationLifetime lifetime, Action endAtOnce)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                if (context.Signal == PosixSignal.SIGHUP)
                {
                    context.Cancel = true;
                    lifetime.StopApplication();
                }

                // A service manager may repeat SIGTERM; only a person at the keyboard means "now".
                if (Interlocked.Increment(ref _signals) > 1 && context.Signal is PosixSignal.SIGINT or PosixSignal.SIGQUIT
                    && Interlocked.Exchange(ref _isAtOnce, 1) == 0)
                {
                    endAtOnce();
                    Environment.Exit(ExitCodes.Interrupted);
                }
            }));
        }
    }

    public void Dispose() => _registrations.ForEach(static registration => registration.Dispose());
}
