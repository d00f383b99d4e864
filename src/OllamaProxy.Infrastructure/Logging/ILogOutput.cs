using System.Text;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>Where log lines go. Used by one thread.</summary>
public interface ILogOutput : IDisposable
{
    /// <summary>
    /// Writes whole lines, which have reached the system when this returns. Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> when
    /// it cannot.
    /// </summary>
    void Write(StringBuilder lines);
}
