using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class AmountTests
{
    [Fact]
    public void A_noun_is_singular_or_plural_by_its_count()
    {
        Assert.Equal(("0 records", "1 record", "9,223 records"), (Amount.Of(0, "record"), Amount.Of(1, "record"), Amount.Of(9_223, "record")));
        Assert.Equal(("1 address", "2 addresses"), (Amount.Of(1, "address", "addresses"), Amount.Of(2, "address", "addresses")));
    }
}
