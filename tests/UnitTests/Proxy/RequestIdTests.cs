using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class RequestIdTests
{
    [Fact]
    public void An_id_is_a_version_7_UUID_with_its_time()
    {
        var now = new DateTimeOffset(2026, 11, 25, 3, 0, 0, 123, TimeSpan.Zero);
        var id = RequestId.New(now);

        var guid = Guid.ParseExact(id, "N");
        Assert.Equal(7, guid.Version);
        Assert.InRange(guid.Variant, 8, 11);
        Assert.Equal(now.ToUnixTimeMilliseconds(), Convert.ToInt64(id[..12], 16));
    }

    [Fact]
    public void Ids_sort_by_time_and_are_unique()
    {
        var now = DateTimeOffset.UnixEpoch.AddDays(20_000);
        var ids = Enumerable.Range(0, 10_000).Select(number => RequestId.New(now.AddMilliseconds(number))).ToList();

        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
        Assert.Equal(10_000, Enumerable.Range(0, 10_000).Select(_ => RequestId.New(now)).Distinct().Count());
    }
}
