using System.Text;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>The destination of log lines. Used by one thread.</summary>
public interface ILogOutput : IDisposable
{
    /// <summary>
    /// Writes whole lines and returns when the system has them. Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> on failure.
    /// </summary>
    void Write(StringBuilder lines);
}
