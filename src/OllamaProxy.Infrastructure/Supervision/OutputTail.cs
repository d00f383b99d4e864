using System.Text;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// Reads a child's output without ever making it wait, hands each line on, and keeps the last ones for the message when the child dies. Go's stack traces are
/// handed on but not kept: the reason stands above them, and a trace would push it out. A line longer than <see cref="LongestLine"/> is cut, not collected: a
/// child that never ends its line must not fill our memory.
/// </summary>
internal sealed class OutputTail(Action<string> onLine)
{
    /// <summary>Lines kept.</summary>
    public const int Capacity = 200;

    /// <summary>Characters of a line that are handed on.</summary>
    public const int LongestLine = 4_000;

    private readonly Queue<string> _lines = new(Capacity);
    private readonly Lock _lock = new();
    private bool _isInStack;

    /// <summary>The last lines, oldest first.</summary>
    public IReadOnlyList<string> Last(int count)
    {
        lock (_lock)
        {
            return [.. _lines.Skip(Math.Max(0, _lines.Count - count))];
        }
    }

    /// <summary>Reads to the end of the stream; ends early without an exception when the stream is closed under it.</summary>
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
            // The pipe went with the child.
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
