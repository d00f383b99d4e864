using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;

namespace OllamaProxy.UnitTests.Redaction;

/// <summary>Redactors for tests, and their log.</summary>
internal sealed class Redactors : ILogger<Redactor>
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyList<string> Lines => [.. _lines];

    public static Redactor Of(params string[] names) => With(new RecordingOptions { Redact = names });

    public static Redactor Own(params string[] patterns) => With(new RecordingOptions { RedactPatterns = patterns });

    /// <summary>A redactor with a long time limit, so that no test fails on a busy machine.</summary>
    public static Redactor With(RecordingOptions options) =>
        new(options with { RedactTimeLimit = TimeSpan.FromSeconds(30) }, TimeProvider.System, new Redactors());

    public Redactor Impatient(string pattern) =>
        new(new RecordingOptions { RedactPatterns = [pattern], RedactTimeLimit = TimeSpan.FromMilliseconds(20) }, TimeProvider.System, this);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue(formatter(state, exception));
}
