using System.Diagnostics;

namespace OllamaProxy.TestKit;

/// <summary>Waits for a condition by asking again and again; fails with a text when it never comes true.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);

    public static Task TrueAsync(Func<bool> condition, TimeSpan? within = null) => TrueAsync(() => Task.FromResult(condition()), within);

    public static async Task TrueAsync(Func<Task<bool>> condition, TimeSpan? within = null)
    {
        var limit = within ?? Patience.Limit;
        var watch = Stopwatch.StartNew();
        using var pause = new PeriodicTimer(s_pause);
        while (!await condition())
        {
            if (watch.Elapsed > limit)
            {
                throw new TimeoutException($"The condition did not come true within {limit.TotalSeconds} s.");
            }

            await pause.WaitForNextTickAsync();
        }
    }

    /// <summary>Asks until there is an answer that is not null, and returns it.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> get, TimeSpan? within = null)
        where T : class
    {
        T? found = null;
        await TrueAsync(async () => (found = await get()) is not null, within);
        return found!;
    }
}
