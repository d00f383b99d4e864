using System.Globalization;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Host.Access;

namespace OllamaProxy.UnitTests.Access;

public sealed class FailedLoginsTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private readonly FailedLogins _failures;

    public FailedLoginsTests() => _failures = new FailedLogins(_time);

    [Fact]
    public void Some_errors_are_free_then_each_costs_ten_seconds()
    {
        var address = IPAddress.Parse("192.0.2.1");
        for (var count = 1; count < FailedLogins.Free; count++)
        {
            _failures.Add(address);
            Assert.Null(_failures.RetryAfter(address));
        }

        _failures.Add(address);
        Assert.Equal(TimeSpan.FromSeconds(10), _failures.RetryAfter(address));
        Assert.Null(_failures.RetryAfter(IPAddress.Parse("192.0.2.2")));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Null(_failures.RetryAfter(address));
        _failures.Add(address);
        Assert.Equal(TimeSpan.FromSeconds(10), _failures.RetryAfter(address));
    }

    [Theory]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", true)]
    public void Addresses_of_one_client_are_one(string first, string second, bool isSame)
    {
        for (var count = 0; count < FailedLogins.Free; count++)
        {
            _failures.Add(IPAddress.Parse(first));
        }

        Assert.Equal(isSame, _failures.RetryAfter(IPAddress.Parse(second)) is not null);
    }

    [Fact]
    public void A_crowd_of_addresses_is_no_way_around()
    {
        for (var number = 0; number < FailedLogins.MaxAddresses + 100; number++)
        {
            _failures.Add(IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.0.{number / 256}.{number % 256}")));
        }

        Assert.NotNull(_failures.RetryAfter(IPAddress.Parse("10.9.9.9")));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Null(_failures.RetryAfter(IPAddress.Parse("10.9.9.9")));
    }
}
