using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Workers;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class MemoryWorkerTests
{
    [Theory]
    [InlineData("0 10 63 15 0", "")]
    [InlineData("0 64 17 16 0", "16")]
    [InlineData("64 16 15 0", "16")]
    [InlineData("2000 600 500 0", "500 0")]
    [InlineData("64 0 64 0 0", "0 0")]
    [InlineData("2000 500 200 125 125", "500 125")]
    public void Memory_is_collected_once_after_a_load_of_many_requests(string running, string collectedAt)
    {
        using var worker = new MemoryWorker(new RunningRequests(TimeProvider.System), TimeProvider.System);

        var collected = running.Split(' ').Where(count => worker.HasLoadEnded(int.Parse(count, System.Globalization.CultureInfo.InvariantCulture)));

        Assert.Equal(collectedAt, string.Join(' ', collected));
    }
}
