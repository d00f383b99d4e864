using System.Diagnostics;

namespace OllamaProxy.TestKit;

/// <summary>Polls a condition until it is true; fails with a message if it never is.</summary>
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

    /// <summary>Polls until the result is not null, and returns it.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> get, TimeSpan? within = null)
        where T : class
    {
        T? found = null;
        await TrueAsync(async () => (found = await get()) is not null, within);
        return found!;
    }
}
