using System.Text;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>Standard output, unlike <see cref="Console.Out"/> without splitting lines into small writes.</summary>
public sealed class ConsoleOutput : ILogOutput
{
    private readonly Stream _stream = Console.OpenStandardOutput();

    public void Write(StringBuilder lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        _stream.Write(Console.OutputEncoding.GetBytes(lines.ToString()));
    }

    public void Dispose() => _stream.Dispose();
}
