using OllamaProxy.Host.Commands;

namespace OllamaProxy.UnitTests.Commands;

public sealed class TableTests
{
    private readonly Table _table = new(("requests", 0), ("errors", 2), ("p95", 1));

    public TableTests()
    {
        _table.Add("total", [("all requests", [new("12,345"), new("1", "red"), new("2.50 s")])]);
        _table.Add("model", [("hf.co/someone/some-long-name-gguf:q4_k_m", [new("7"), new("0"), new("-")])]);
    }

    [Fact]
    public void Numbers_are_right_aligned_in_every_table()
    {
        Assert.Equal(
            """
            total                                     requests  errors     p95
            all requests                                12,345       1  2.50 s

            model                                     requests  errors     p95
            hf.co/someone/some-long-name-gguf:q4_k_m         7       0       -

            """,
            _table.ToText(null, Plain, out var isComplete).ReplaceLineEndings("\n"));
        Assert.True(isComplete);
    }

    [Fact]
    public void A_narrow_terminal_gets_shorter_names_and_then_fewer_columns()
    {
        Assert.Contains("hf.co/someone…me-gguf:q4_k_m", _table.ToText(54, Plain, out var isComplete), StringComparison.Ordinal);
        Assert.True(isComplete);

        var narrow = _table.ToText(45, Plain, out isComplete);
        Assert.False(isComplete);
        Assert.DoesNotContain("errors", narrow, StringComparison.Ordinal);
        Assert.Contains("p95", narrow, StringComparison.Ordinal);

        foreach (var width in (int[])[20, 30, 36, 45, 54, 60, 80])
        {
            Assert.All(_table.ToText(width, Plain, out _).Split(Environment.NewLine), line => Assert.InRange(line.Length, 0, width));
        }
    }

    [Fact]
    public void Colors_do_not_change_the_column_width() =>
        Assert.Contains("12,345       <red>1</>  2.50 s", _table.ToText(null, Red, out _), StringComparison.Ordinal);

    private static string Red(string color, string text) => color == "red" ? $"<{color}>{text}</>" : text;

    private static string Plain(string color, string text) => text;
}
