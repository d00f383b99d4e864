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
    public void The_first_failures_are_free_and_each_further_one_costs_ten_seconds()
    {
        var address = IPAddress.Parse("192.0.2.1");
        for (var count = 0; count < FailedLogins.Free; count++)
        {
            Assert.Null(_failures.Judge(address, isRight: false));
        }

        Assert.Equal(TimeSpan.FromSeconds(10), _failures.Judge(address, isRight: true));
        Assert.Null(_failures.Judge(IPAddress.Parse("192.0.2.2"), isRight: true));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Null(_failures.Judge(address, isRight: false));
        Assert.Equal(TimeSpan.FromSeconds(10), _failures.Judge(address, isRight: true));
    }

    [Fact]
    public void Concurrent_guesses_are_judged_one_by_one_and_the_wait_stays_short()
    {
        var judged = 0;
        Parallel.For(0, 500, _ => Interlocked.Add(ref judged, _failures.Judge(IPAddress.Loopback, isRight: false) is null ? 1 : 0));

        Assert.Equal(FailedLogins.Free, judged);
        Assert.InRange(_failures.Judge(IPAddress.Loopback, isRight: true)!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Valid_tokens_are_never_delayed_however_many_arrive_at_once()
    {
        var refused = 0;
        Parallel.For(0, 500, _ => Interlocked.Add(ref refused, _failures.Judge(IPAddress.Loopback, isRight: true) is null ? 0 : 1));

        Assert.Equal(0, refused);
    }

    [Theory]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", true)]
    public void Addresses_of_one_client_share_their_failures(string first, string second, bool isSame)
    {
        for (var count = 0; count < FailedLogins.Free; count++)
        {
            _failures.Judge(IPAddress.Parse(first), isRight: false);
        }

        Assert.Equal(isSame, _failures.Judge(IPAddress.Parse(second), isRight: true) is not null);
    }

    [Fact]
    public void Guessing_from_very_many_addresses_does_not_evade_the_delay()
    {
        for (var number = 0; number < FailedLogins.MaxAddresses + 100; number++)
        {
            _failures.Judge(IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.0.{number / 256}.{number % 256}")), isRight: false);
        }

        Assert.NotNull(_failures.Judge(IPAddress.Parse("10.9.9.9"), isRight: true));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Null(_failures.Judge(IPAddress.Parse("10.9.9.9"), isRight: true));
    }
}
