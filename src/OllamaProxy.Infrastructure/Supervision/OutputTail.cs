using System.Text;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// Reads a child's output without ever blocking it, passes on each line, and keeps the last ones for the message about its exit. Go's stack traces are passed
/// on but not kept, because they would push out the reason above them. Lines beyond <see cref="LongestLine"/> are cut, so output without line breaks cannot
/// fill the memory.
/// </summary>
internal sealed class OutputTail(Action<string> onLine)
{
    /// <summary>Lines kept.</summary>
    public const int Capacity = 200;

    /// <summary>Characters of a line that are passed on.</summary>
    public const int LongestLine = 4_000;

    private readonly Queue<string> _lines = new(Capacity);
    private readonly Lock _lock = new();
    private bool _isInStack;

    public IReadOnlyList<string> Last(int count)
    {
        lock (_lock)
        {
            return [.. _lines.Skip(Math.Max(0, _lines.Count - count))];
        }
    }

    /// <summary>Reads to the end of the stream, or until the stream is closed.</summary>
    public async Task DrainAsync(TextReader reader)
    {
        var buffer = new char[4_096];
        var line = new StringBuilder();
        var cut = false;
        try
        {
            for (int read; (read = await reader.ReadAsync(buffer)) > 0;)
            {
                for (var index = 0; index < read; index++)
                {
                    var character = buffer[index];
                    if (character == '\n')
                    {
                        Emit(line, ref cut);
                    }
                    else if (line.Length < LongestLine)
                    {
                        line.Append(character);
                    }
                    else
                    {
                        cut = true;
                    }
                }
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // The pipe was closed with the child.
        }

        if (line.Length > 0)
        {
            Emit(line, ref cut);
        }
    }

    private void Emit(StringBuilder line, ref bool cut)
    {
        var text = OllamaLine.Clean(line.ToString()) + (cut ? "…" : "");
        line.Clear();
        cut = false;
        lock (_lock)
        {
            _isInStack = _isInStack ? OllamaLine.IsInStack(text) : OllamaLine.BeginsStack(text);
            if (!_isInStack)
            {
                Keep(text);
            }
        }

        onLine(text);
    }

    private void Keep(string text)
    {
        if (_lines.Count == Capacity)
        {
            _lines.Dequeue();
        }

        _lines.Enqueue(text);
    }
}
