using Microsoft.AspNetCore.Http;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Threading;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>What keeps the threads of the sockets free: docs/decisions/0002-inline-sockets.md.</summary>
public sealed class InlineTests
{
    [Fact]
    public async Task A_page_of_ours_goes_on_in_the_pool_wherever_what_it_waited_for_came_from()
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

        // As in libraries.
        static async Task InnerAsync(Task awaited) => await awaited.ConfigureAwait(false);
    }

    [Fact]
    public async Task A_page_that_fails_fails()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => PoolScheduler.RunAsync(new DefaultHttpContext(), static _ => throw new InvalidOperationException("This page.")));
    }

    [Fact]
    public void A_loop_yields_after_a_while()
    {
        var fairness = new Fairness();
        var turns = Enumerable.Range(0, 1_000).Count(_ => fairness.IsTurnOver(bytes: 4 * 1024));

        // 4,000 KiB, every 256 of them.
        Assert.Equal(15, turns);
    }

    [Fact]
    public void The_servers_blocks_are_wide_while_an_upload_runs()
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
