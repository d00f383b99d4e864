using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>Log files for an unattended program. Logging never waits for the disk: a full queue drops lines, and the file has their number.</summary>
[ProviderAlias("File")]
public sealed class RollingFileLoggerProvider : ILoggerProvider
{
    private const int QueueLength = 4_096;
    private const int LinesInWrite = 256;

    private readonly TimeProvider _time;
    private readonly LogFormat _format;
    private readonly RollingFile _file;
    private readonly Task _writing;
    private readonly Channel<string> _lines;
    private long _lost;

    /// <param name="options">With a folder.</param>
    /// <param name="time">The clock of the lines.</param>
    public RollingFileLoggerProvider(LogOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        _time = time;
        _format = options.Json ? new JsonLog() : new TextLog { ShowsTypes = options.ShowsTypes };
        _file = new RollingFile(Path.GetFullPath(options.Directory!), options.MaxSizeMegabytes * 1_000_000L, options.MaxFiles);
        _lines = Channel.CreateBounded<string>(
            new BoundedChannelOptions(QueueLength) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite }, _ => Interlocked.Increment(ref _lost));
        _writing = Task.Run(WriteAsync);
    }

    public ILogger CreateLogger(string categoryName) => new FileLogger(this, categoryName);

    /// <summary>Writes what is left.</summary>
    public void Dispose()
    {
        if (_lines.Writer.TryComplete())
        {
            _writing.GetAwaiter().GetResult();
            _file.Dispose();
        }
    }

    private async Task WriteAsync()
    {
        var text = new StringBuilder();
        while (await _lines.Reader.WaitToReadAsync())
        {
            for (var count = 0; count < LinesInWrite && _lines.Reader.TryRead(out var line); count++)
            {
                text.Append(line).Append('\n');
            }

            if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
            {
                var message = $"{Amount.Of(lost, "line")} lost: they came faster than the disk could write them.";
                var category = typeof(RollingFileLoggerProvider).FullName!;
                _format.Append(text, new LogItem(_time.GetLocalNow(), LogLevel.Warning, category, null, message, null, null));
                text.Append('\n');
            }

            try
            {
                _file.Write(text);
            }
            // A log that cannot be written must not end the program; the console has the same lines.
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
            }

            text.Clear();
        }
    }

    private sealed class FileLogger(RollingFileLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var line = new StringBuilder();
            provider._format.Append(line, LogItem.Of(provider._time.GetLocalNow(), logLevel, category, state, exception, formatter));
            provider._lines.Writer.TryWrite(line.ToString());
        }
    }
}
