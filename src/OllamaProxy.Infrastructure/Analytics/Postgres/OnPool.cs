namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// A socket may complete on the thread that carries the streams of many clients (docs/decisions/0002-inline-sockets.md). Nothing of a store may run there,
/// and a blocking call there would wait for itself: what follows goes on in the pool.
/// </summary>
internal static class OnPool
{
    public static async Task OnPoolAsync(this Task task)
    {
        if (!task.IsCompleted)
        {
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Yield();
        }

        await task;
    }

    public static async Task<T> OnPoolAsync<T>(this Task<T> task)
    {
        await ((Task)task).OnPoolAsync();
        return await task;
    }

    public static Task OnPoolAsync(this ValueTask task) => task.AsTask().OnPoolAsync();

    public static Task<T> OnPoolAsync<T>(this ValueTask<T> task) => task.AsTask().OnPoolAsync();
}
