using System.Collections.Concurrent;
using OllamaProxy.Domain;
using OllamaProxy.Host.Admission;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>The gate under many threads.</summary>
public sealed partial class ConcurrencyGateTests
{
    /// <summary>
    /// Many threads enter, run, disconnect early and are rejected at the same time: no slot is lost or given twice, and no waiting request is forgotten.
    /// </summary>
    [Fact]
    public async Task Under_many_threads_the_limit_holds_and_every_slot_is_returned()
    {
        const int Limit = 3;
        const int Threads = 16;
        const int Queue = 8;
        var gate = Create(Limit, Queue);
        var (running, most) = (0, 0);
        var (arrived, settled) = (0, 0);
        TaskCompletionSource allArrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource allSettled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConcurrentDictionary<AdmissionResult, int> results = [];

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(number => Task.Run(() => ComeAndGoAsync(new Random(number), $"client-{number % 5}"))))
            .WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        Assert.Equal(Limit, most);
        Assert.Equal((Limit, 0), (gate.Free, gate.Waiting));
        Assert.All([AdmissionResult.Admitted, AdmissionResult.QueueFull, AdmissionResult.Displaced, AdmissionResult.Cancelled],
            result => Assert.True(results.ContainsKey(result), $"{result} never happened."));
        Assert.All(Gauges(), gauge => Assert.Equal(0, gauge));

        async Task ComeAndGoAsync(Random random, string client)
        {
            for (var round = 0; round < 1_000; round++)
            {
                using var leaves = new CancellationTokenSource();
                var endpoint = ApiEndpoint.All[random.Next(10)];
                var entering = gate.EnterAsync(endpoint, Client(client, $"192.0.2.{random.Next(4)}", leaves.Token)).AsTask();
                if (round == 0)
                {
                    await MeetAsync();
                }

                if (round == 0 || random.Next(3) == 0)
                {
                    await leaves.CancelAsync();
                }

                var admission = await entering;
                results.AddOrUpdate(admission.Result, 1, (_, count) => count + 1);
                if (admission.Result == AdmissionResult.Admitted)
                {
                    InterlockedMax(ref most, Interlocked.Increment(ref running));
                }

                if (round == 0)
                {
                    await StayAsync();
                }

                if (admission.Result == AdmissionResult.Admitted)
                {
                    for (var turn = random.Next(4); turn > 0; turn--)
                    {
                        await Task.Yield();
                    }

                    Interlocked.Decrement(ref running);
                }
                else
                {
                    Assert.Null(admission.SlotSince);
                    await Task.Yield();
                }

                gate.Leave(endpoint, admission);
            }
        }

        // The first round is synchronized, so every case happens: three run until all others were rejected, eight wait and leave, five find the queue
        // full, or take the place of another.
        async Task MeetAsync()
        {
            if (Interlocked.Increment(ref arrived) == Threads)
            {
                Assert.Equal((0, Queue), (gate.Free, gate.Waiting));
                allArrived.SetResult();
            }

            await allArrived.Task;
        }

        async Task StayAsync()
        {
            if (Interlocked.Increment(ref settled) == Threads)
            {
                allSettled.SetResult();
            }

            await allSettled.Task;
        }
    }
}
