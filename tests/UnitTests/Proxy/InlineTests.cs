using Microsoft.AspNetCore.Http;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Threading;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>The rules that keep the socket threads free (docs/decisions/0002-inline-sockets.md).</summary>
public sealed class InlineTests
{
    [Fact]
    public async Task A_local_endpoint_always_continues_on_the_thread_pool()
    {
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        List<bool> inPool = [];
        var page = PoolScheduler.RunAsync(new DefaultHttpContext(), async _ =>
        {
            inPool.Add(Thread.CurrentThread.IsThreadPoolThread);
            await first.Task;
            inPool.Add(Thread.CurrentThread.IsThreadPoolThread);
            await InnerAsync(second.Task);
            inPool.Add(Thread.CurrentThread.IsThreadPoolThread);
        });
        new Thread(first.SetResult).Start();
        new Thread(second.SetResult).Start();
        await page;

        Assert.Equal([true, true, true], inPool);

        // ConfigureAwait(false) must not leave the thread pool either.
        static async Task InnerAsync(Task awaited) => await awaited.ConfigureAwait(false);
    }

    [Fact]
    public async Task An_exception_of_a_local_endpoint_reaches_the_caller()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => PoolScheduler.RunAsync(new DefaultHttpContext(), static _ => throw new InvalidOperationException("This page.")));
    }

    [Fact]
    public void A_loop_yields_after_each_share_of_bytes()
    {
        var fairness = new Fairness();
        var turns = Enumerable.Range(0, 1_000).Count(_ => fairness.IsTurnOver(bytes: 4 * 1024));

        // 4,000 KiB in shares of 256 KiB.
        Assert.Equal(15, turns);
    }

    [Fact]
    public void The_server_uses_large_blocks_during_an_upload()
    {
        using var pool = new WideBlocks();
        var before = LengthOf(pool, -1);
        WideBlocks.BeginUpload();
        var during = LengthOf(pool, -1);
        WideBlocks.EndUpload();

        Assert.Equal((4 * 1024, 32 * 1024, 4 * 1024), (before, during, LengthOf(pool, -1)));
        Assert.InRange(LengthOf(pool, 5_000), 5_000, pool.MaxBufferSize);
    }

    private static int LengthOf(WideBlocks pool, int atLeast)
    {
        using var block = pool.Rent(atLeast);
        return block.Memory.Length;
    }
}
