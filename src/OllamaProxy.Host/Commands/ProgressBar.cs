using System.Globalization;

namespace OllamaProxy.Host.Commands;

/// <summary>Shows the progress of a long task on one line of standard error; nothing without a terminal.</summary>
/// <param name="what">The unit: records, rows.</param>
/// <param name="total">The total.</param>
/// <param name="time">The clock, which limits updates to ten a second.</param>
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

    /// <summary>Erases the line before the result.</summary>
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
        var line = string.Create(CultureInfo.InvariantCulture,
            $"[{new string('#', full)}{new string('.', Width - full)}] {part * 100:N0} %  {value:N0} of {total:N0} {what}");
        Console.Error.Write($"\r{line.PadRight(_length)}");
        _length = Math.Max(_length, line.Length);
    }
}
