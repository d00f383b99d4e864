using System.Runtime.InteropServices;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// The signals that stop the program. The host drains at the first SIGINT, SIGTERM or SIGQUIT; SIGHUP, which a closed terminal sends, is added here. Ctrl+C
/// during a stop ends the program at once. A signal that was ignored when the program started (<c>nohup</c>, a background job of a script) stays ignored by the
/// runtime.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _signals;
    private int _isAtOnce;

    /// <summary>True once Ctrl+C came during a stop. Once Ollama has ended, the program may finish before <see cref="Environment.Exit"/> ends it.</summary>
    public bool IsAtOnce => Volatile.Read(ref _isAtOnce) != 0;

    /// <param name="lifetime">Drains and stops the host.</param>
    /// <param name="endAtOnce">The last step when the program ends at once.</param>
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

    /// <inheritdoc/>
    public void Dispose() => _registrations.ForEach(static registration => registration.Dispose());
}
