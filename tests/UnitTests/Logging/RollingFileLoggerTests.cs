using Microsoft.Extensions.Logging;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.UnitTests.Logging;

public sealed partial class RollingFileLoggerTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-log-");

    private string[] Files => [.. Directory.GetFiles(_folder.FullName).Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_line_has_time_level_category_and_text_and_no_line_break()
    {
        Write(logger => logger.LogWarning(new IOException("disk\r\nfull"), "one\ntwo"));

        var line = Assert.Single(File.ReadAllLines(Path.Combine(_folder.FullName, "ollama-proxy.log")));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d  warn  Category: one \| two \| System\.IO\.IOException: disk \| full", line);
    }

    [Fact]
    public void A_link_in_place_of_the_file_is_not_followed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Creating a link requires a privilege on Windows.");
        var target = Path.Combine(_folder.FullName, "elsewhere");
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "ollama-proxy.log"), target);
        using var file = new RollingFile(_folder.FullName, 1_000_000, 3);

        var refusal = Assert.Throws<IOException>(file.Open);

        Assert.Contains(target, refusal.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(target));
    }

    [Fact]
    public void Files_are_bounded_in_size_and_number_and_the_newest_lines_are_kept()
    {
        var text = new string('x', 1_000);

        Write(
            logger =>
            {
                for (var number = 0; number < 4_000; number++)
                {
                    Line(logger, number, text);
                }
            },
            files: 3);

        Assert.Equal(["ollama-proxy.1.log", "ollama-proxy.2.log", "ollama-proxy.log"], Files.Select(Path.GetFileName));
        Assert.All(Files, file => Assert.InRange(new FileInfo(file).Length, 1, 1_000_000 + 256 * 1_100));
        Assert.Contains("3999 xxx", File.ReadLines(Path.Combine(_folder.FullName, "ollama-proxy.log")).Last(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_restarted_program_appends_to_the_same_file()
    {
        Write(logger => logger.LogInformation("before"));
        Write(logger => logger.LogInformation("after"));

        Assert.Equal(2, File.ReadAllLines(Path.Combine(_folder.FullName, "ollama-proxy.log")).Length);
    }

    [Fact]
    public void Only_the_owner_may_read_it()
    {
        Write(logger => logger.LogInformation("from 192.168.1.4"));

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Files[0]));
        }
    }

    /// <summary>Disposes the logger, so that every line is in the files when this returns.</summary>
    private void Write(Action<ILogger> log, int files = 5)
    {
        using var provider = new LineLoggerProvider(new TextLog(), new RollingFile(_folder.FullName, 1_000_000, files), TimeProvider.System);
        log(provider.CreateLogger("Category"));
    }

    [LoggerMessage(1, LogLevel.Information, "{Number} {Text}")]
    private static partial void Line(ILogger logger, int number, string text);
}
