using System.Runtime.InteropServices;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Commands;

/// <summary>The first Ctrl+C belongs to the host and drains; who presses it again does not want to wait.</summary>
internal sealed class Interrupts : IDisposable
{
    private int _count;
    private PosixSignalRegistration? _registration;

    /// <summary>True once there was a second one. With Ollama gone the program may come to its end by itself before <see cref="Environment.Exit"/> has ended it.</summary>
    public bool IsSecond => Volatile.Read(ref _count) >= 2;

    /// <summary>From now on a second one ends Ollama and the program at once.</summary>
    public void EndAtSecond(IOllamaProcessSupervisor ollama) =>
        _registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ =>
        {
            if (Interlocked.Increment(ref _count) == 2)
            {
                ollama.KillAtOnce();
                Environment.Exit(ExitCodes.Interrupted);
            }
        });

    /// <inheritdoc/>
    public void Dispose() => _registration?.Dispose();
}
