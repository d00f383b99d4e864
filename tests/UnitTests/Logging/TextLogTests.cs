using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.UnitTests.Logging;

public sealed class TextLogTests
{
    private readonly TextLog _text = new() { Time = LogTime.OfDay };

    [Fact]
    public void A_request_is_a_row_of_columns_with_unknown_values_left_empty()
    {
        RequestRecord[] requests =
        [
            LogLines.Chat,
            LogLines.List,
            LogLines.Missing,
            LogLines.Cancelled,
            LogLines.Chat with { OutputTokens = null, TokensPerSecond = null, Target = "/v1/embeddings", Latency = TimeSpan.FromSeconds(61.2) },
            LogLines.Chat with { InputTokens = null, TokensEstimated = true, TokensPerSecond = 7.13, SpeedEstimated = true, ClientIp = null },
            LogLines.Missing with { StatusCode = null, Model = null, ErrorType = ErrorType.UpstreamUnreachable, Application = null, ClientIp = null },
        ];

        Assert.Equal(
            """
            13:42:43  200  POST /api/chat             qwen3:8b                 30→58 tok   61 tok/s  2.50 s  open-webui 192.168.1.20
            13:42:43  200  GET /api/tags                                                             4.6 ms  192.168.1.20
            13:42:43  404  POST /api/chat             nope:latest         model not found            4.6 ms  curl 192.168.1.20
            13:42:43  200  POST /api/chat             qwen3:8b            client abort  30→~58 tok   2.50 s  open-webui 192.168.1.20
            13:42:43  200  POST /v1/embeddings        qwen3:8b                 30 tok in             61.2 s  open-webui 192.168.1.20
            13:42:43  200  POST /api/chat             qwen3:8b               ~58 tok out  ~7.1 tok/s  2.50 s  open-webui
            13:42:43       POST /api/chat                                 upstream unreachable       4.6 ms
            """,
            string.Join('\n', requests.Select(request => LogLines.Of(_text, request))));
    }

    [Theory]
    [InlineData(120, "13:42:43  200  POST /api/chat             qwen3:8b                 30→58 tok   61 tok/s  2.50 s  open-webui 192.168.1.20")]
    [InlineData(119, "13:42:43  200  POST /api/chat             qwen3:8b                 30→58 tok   61 tok/s  2.50 s  open-webui")]
    [InlineData(100, "13:42:43  200  POST /api/chat      qwen3:8b         30→58 tok   61 tok/s  2.50 s  open-webui")]
    [InlineData(80, "13:42:43  200  POST /api/chat      qwen3:8b         30→58 tok   61 tok/s  2.50 s")]
    public void A_request_fits_the_terminal(int width, string expected) =>
        Assert.Equal(expected, LogLines.Of(new TextLog { Time = LogTime.OfDay, Width = () => width }, LogLines.Chat));

    [Theory]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(112)]
    [InlineData(140)]
    public void A_failed_request_fits_the_terminal_too(int width) =>
        Assert.All(
            [LogLines.Missing, LogLines.Cancelled,
                LogLines.Missing with { ErrorType = ErrorType.UpstreamUnreachable, Application = "anthropic-sdk-typescript" }],
            request => Assert.InRange(LogLines.Of(new TextLog { Time = LogTime.OfDay, Width = () => width }, request).Length, 60, width));

    [Theory]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(120)]
    [InlineData(200)]
    public void A_name_that_is_too_long_for_the_terminal_is_cut_in_the_middle(int width)
    {
        var line = LogLines.Of(
            new TextLog { Time = LogTime.OfDay, Width = () => width },
            LogLines.Chat with { Model = $"hf.co/someone/{new string('x', 90)}-gguf:q4_k_m", Target = "/v1/chat/completions" });

        Assert.InRange(line.Length, 70, width);
        Assert.Contains("hf.co/", line, StringComparison.Ordinal);
        Assert.Contains("4_k_m ", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Colors_show_the_outcome_and_never_set_a_background()
    {
        var text = new TextLog { Time = LogTime.OfDay, HasColor = true };

        Assert.Contains("\e[38;5;28m200\e[0m", LogLines.Of(text, LogLines.Chat), StringComparison.Ordinal);
        Assert.Contains("\e[38;5;196m404\e[0m", LogLines.Of(text, LogLines.Missing), StringComparison.Ordinal);
        Assert.Contains("\e[38;5;196mmodel not found\e[0m", LogLines.Of(text, LogLines.Missing), StringComparison.Ordinal);
        Assert.Contains("\e[38;5;130mclient abort\e[0m", LogLines.Of(text, LogLines.Cancelled), StringComparison.Ordinal);
        Assert.Contains("\e[38;5;130mwarn\e[0m  careful", LogLines.Of(text, LogLevel.Warning, "careful"), StringComparison.Ordinal);
        Assert.Contains("\e[38;5;196merror\e[0m  broken", LogLines.Of(text, LogLevel.Error, "broken"), StringComparison.Ordinal);
        Assert.DoesNotMatch(
            @"\e\[(4|10)\d", LogLines.Of(text, LogLines.Chat) + LogLines.Of(text, LogLines.Missing) + LogLines.Of(text, LogLevel.Critical, "x"));
    }

    [Fact]
    public void Colors_do_not_change_the_column_width()
    {
        var colored = new TextLog { Time = LogTime.OfDay, HasColor = true };

        Assert.All(
            [LogLines.Chat, LogLines.List, LogLines.Missing, LogLines.Cancelled],
            request => Assert.Equal(LogLines.Of(_text, request), Regex.Replace(LogLines.Of(colored, request), @"\e\[[\d;]+m", "").TrimEnd()));
    }

    [Fact]
    public void A_message_has_its_level_and_no_type()
    {
        Assert.Equal("13:42:43  info  Ollama answers.", LogLines.Of(_text, LogLevel.Information, "Ollama answers."));
        Assert.Equal(
            "13:42:43  error  broken | System.IO.IOException: disk | full", LogLines.Of(_text, LogLevel.Error, "broken", new IOException("disk\r\nfull")));
        Assert.Equal("13:42:43  warn  ollama: low memory", LogLines.Of(_text, LogLevel.Warning, "low memory", category: "ollama"));
        Assert.Equal("13:42:43  debug  OllamaProxy.Something: x", LogLines.Of(new TextLog { Time = LogTime.OfDay, ShowsTypes = true }, LogLevel.Debug, "x"));
        Assert.Equal("2026-11-30T13:42:43.514+01:00  critical  x", LogLines.Of(new TextLog(), LogLevel.Critical, "x"));
        Assert.Equal("info  x", LogLines.Of(new TextLog { Time = LogTime.None }, LogLevel.Information, "x"));
    }

    [Fact]
    public void Text_from_the_network_cannot_control_the_terminal_or_forge_a_line()
    {
        const string Evil = "a\e[2J\u009b31m\r\nfake\u202e\u2028b\ud800";
        var lines = LogLines.Of(_text, LogLines.Chat with { Method = Evil, Target = Evil, Model = Evil, Application = Evil, ClientIp = Evil })
            + LogLines.Of(_text, LogLevel.Warning, Evil, new IOException(Evil), category: "ollama");

        Assert.DoesNotContain(lines, character => char.IsControl(character) || character is '\u202e' or '\u2028');
    }

    [Fact]
    public void No_prompt_response_or_query_text_is_logged() =>
        Assert.All([new JsonLog(), (LogFormat)_text], format =>
        {
            Assert.DoesNotContain("zanzibar", LogLines.Of(format, LogLines.Chat), StringComparison.Ordinal);
            Assert.DoesNotContain("hidden", LogLines.Of(format, LogLines.Chat), StringComparison.Ordinal);
        });
}
