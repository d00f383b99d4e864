using System.Globalization;

namespace OllamaProxy.Host.Commands;

/// <summary>How far a long work has come, on one line of standard error; nothing when nobody watches.</summary>
/// <param name="what">What is counted: records, rows.</param>
/// <param name="total">How many there are.</param>
/// <param name="time">The clock: more than ten pictures a second are no use.</param>
internal sealed class ProgressBar(string what, long total, TimeProvider time) : IProgress<long>, IDisposable
{
    private const int Width = 30;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private long _shownAt = -1;
    private int _length;

    public void Report(long value)
    {
        if (Terminal.IsWatched && (_shownAt < 0 || time.GetElapsedTime(_shownAt) >= s_pause || value == total))
        {
            _shownAt = time.GetTimestamp();
            Show(value);
        }
    }

    /// <summary>Takes the line away: what comes next is the result.</summary>
    public void Dispose()
    {
        if (_length > 0)
        {
            Console.Error.Write($"\r{new string(' ', _length)}\r");
        }
    }

    private void Show(long value)
    {
        var part = total > 0 ? Math.Clamp((double)value / total, 0, 1) : 1;
        var full = (int)(part * Width);
        var line = string.Create(CultureInfo.InvariantCulture, $"[{new string('#', full)}{new string('.', Width - full)}] {part * 100:N0} %  {value:N0} of {total:N0} {what}");
        Console.Error.Write($"\r{line.PadRight(_length)}");
        _length = Math.Max(_length, line.Length);
    }
}
