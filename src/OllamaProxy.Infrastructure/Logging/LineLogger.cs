using System.Text;
using Microsoft.Extensions.Logging;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>
/// Loggers for one output. One thread writes their lines in batches. Logging never blocks, because a terminal can be paused and a disk slow: excess lines are
/// dropped and counted in the output. Lines after the end are dropped too.
/// </summary>
public sealed class LineLoggerProvider : ILoggerProvider
{
    private const int MostWaiting = 4_096;
    private const int LinesInWrite = 256;

    /// <summary>Milliseconds between two writes, in which lines collect: one write per line would cost more than formatting the line.</summary>
    private const int Pause = 50;

    /// <summary>How long <see cref="Dispose"/> waits for a blocked output.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    [ThreadStatic]
    private static StringBuilder? t_line;

    private readonly LogFormat _format;
    private readonly TimeProvider _time;
    private readonly ILogOutput _output;
    private readonly Thread _writer;
    private readonly Queue<string> _waiting = [];
    private long _lost;
    private long _takenAt;
    private bool _hasEnded;

    /// <param name="format">Formats the lines.</param>
    /// <param name="output">The destination. Disposed with the provider.</param>
    /// <param name="time">The clock for the timestamps.</param>
    public LineLoggerProvider(LogFormat format, ILogOutput output, TimeProvider time)
    {
        (_format, _output, _time) = (format, output, time);
        _writer = new Thread(Write) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    /// <summary>Writes the queued lines.</summary>
    public void Dispose()
    {
        lock (_waiting)
        {
            _hasEnded = true;
            Monitor.Pulse(_waiting);
        }

        if (_writer.Join(s_patience))
        {
            _output.Dispose();
        }
    }

    private void Add(string line)
    {
        lock (_waiting)
        {
            if (_waiting.Count == MostWaiting)
            {
                _lost++;
                return;
            }

            _waiting.Enqueue(line);
            if (_waiting.Count is 1 or LinesInWrite)
            {
                Monitor.Pulse(_waiting);
            }
        }
    }

    private void Write()
    {
        var text = new StringBuilder();
        while (Take(text))
        {
            try
            {
                _output.Write(text);
            }
            // A failing log must not end the program.
            catch (Exception)
            {
            }

            text.Clear();
        }
    }

    /// <summary>Waits for lines and takes a batch. False at the end.</summary>
    private bool Take(StringBuilder text)
    {
        lock (_waiting)
        {
            while (_waiting.Count == 0 && !_hasEnded)
            {
                Monitor.Wait(_waiting);
            }

            if (_takenAt + Pause - Environment.TickCount64 is > 0 and var left && _waiting.Count < LinesInWrite && !_hasEnded)
            {
                Monitor.Wait(_waiting, (int)left);
            }

            _takenAt = Environment.TickCount64;
            for (var count = 0; count < LinesInWrite && _waiting.TryDequeue(out var line); count++)
            {
                text.Append(line).Append('\n');
            }

            if (_lost > 0)
            {
                var message = $"{Amount.Of(_lost, "line")} dropped, because the log output was too slow.";
                _format.Append(text, new LogItem(_time.GetLocalNow(), LogLevel.Warning, typeof(LineLoggerProvider).FullName!, null, message, null, null));
                text.Append('\n');
                _lost = 0;
            }
        }

        return text.Length > 0;
    }

    private sealed class LineLogger(LineLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var line = t_line ??= new StringBuilder();
            line.Clear();
            provider._format.Append(line, LogItem.Of(provider._time.GetLocalNow(), logLevel, category, state, exception, formatter));
            provider.Add(line.ToString());
        }
    }
}
