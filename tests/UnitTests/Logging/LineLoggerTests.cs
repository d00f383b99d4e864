using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using OllamaProxy.Infrastructure.Logging;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Logging;

public sealed partial class LineLoggerTests
{
    [Fact]
    public void Lines_that_a_blocked_output_cannot_take_are_dropped_and_counted_in_the_log()
    {
        const int Logged = 10_000;
        using var output = new StoppedOutput();
        using (var provider = new LineLoggerProvider(new TextLog { Time = LogTime.None }, output, TimeProvider.System))
        {
            var logger = provider.CreateLogger("Category");
            for (var number = 0; number < Logged; number++)
            {
                Line(logger, number);
            }

            output.Resume();
        }

        var written = output.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var dropped = written.Select(line => Dropped().Match(line)).Where(match => match.Success)
            .Sum(match => long.Parse(match.Groups[1].ValueSpan, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
        Assert.InRange(dropped, 1, Logged);
        Assert.Equal(Logged, written.Count(line => line.Contains("number", StringComparison.Ordinal)) + dropped);
    }

    [Fact]
    public void A_failed_write_loses_its_lines_and_later_lines_are_written()
    {
        using var output = new StoppedOutput { FailsOnce = true };
        using (var provider = new LineLoggerProvider(new TextLog { Time = LogTime.None }, output, TimeProvider.System))
        {
            var logger = provider.CreateLogger("Category");
            Line(logger, 1);
            output.Resume();
            Assert.True(output.HasFailed.Wait(Patience.Limit));
            Line(logger, 2);
            Line(logger, 3);
        }

        Assert.Equal(["info  Category: number 2", "info  Category: number 3"], output.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_line_for_the_journal_starts_with_a_priority_prefix()
    {
        var journal = new JournalLog(new TextLog { Time = LogTime.None });

        Assert.Equal("<4>warn  x", LogLines.Of(journal, LogLevel.Warning, "x"));
        Assert.Equal("<6>info  x", LogLines.Of(journal, LogLevel.Information, "x"));
    }

    [LoggerMessage(1, LogLevel.Information, "number {Number}")]
    private static partial void Line(ILogger logger, int number);

    [GeneratedRegex("([0-9,]+) lines? dropped,")]
    private static partial Regex Dropped();

    /// <summary>A terminal that was stopped (Ctrl+S).</summary>
    private sealed class StoppedOutput : ILogOutput
    {
        private readonly ManualResetEventSlim _isRunning = new();
        private readonly StringBuilder _text = new();

        public ManualResetEventSlim HasFailed { get; } = new();

        public bool FailsOnce { get; init; }

        public string Text => _text.ToString();

        public void Resume() => _isRunning.Set();

        public void Write(StringBuilder lines)
        {
            _isRunning.Wait();
            if (FailsOnce && !HasFailed.IsSet)
            {
                HasFailed.Set();
                throw new InvalidOperationException("This output is broken.");
            }

            _text.Append(lines);
        }

        public void Dispose() => _isRunning.Dispose();
    }
}
