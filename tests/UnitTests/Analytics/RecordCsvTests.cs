using OllamaProxy.Host.Analytics;

namespace OllamaProxy.UnitTests.Analytics;

public sealed class RecordCsvTests
{
    [Theory]
    [InlineData("=1+1")]
    [InlineData("+1")]
    [InlineData("-1")]
    [InlineData("@SUM(A1)")]
    [InlineData(" =1+1")]
    [InlineData("  \t =1+1")]
    [InlineData("\u00a0=1+1")]
    [InlineData("\0=1+1")]
    [InlineData("\v=1+1")]
    [InlineData("\f=1+1")]
    [InlineData("\u0085+1")]
    [InlineData("\u001b@x")]
    [InlineData("\u200b=1+1")]
    [InlineData("\ufeff=1+1")]
    [InlineData("\u202e=1+1")]
    [InlineData("\u00ad-1")]
    [InlineData("\u3000＝1+1")]
    [InlineData("＝1+1")]
    [InlineData("＋1")]
    [InlineData("－1")]
    [InlineData("＠x")]
    [InlineData("\tplain")]
    public void A_text_that_a_spreadsheet_may_run_has_an_apostrophe_in_front(string text) => Assert.Equal("'" + text, RecordCsv.Text(text));

    [Theory]
    [InlineData("1 - 1 = 0")]
    [InlineData(" a=b")]
    [InlineData("what is 1+1?")]
    [InlineData("天=1")]
    [InlineData("  ")]
    [InlineData("'=1")]
    public void Every_other_text_stays_as_it_is(string text) => Assert.Equal(text, RecordCsv.Text(text));
}
