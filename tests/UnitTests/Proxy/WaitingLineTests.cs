using CsCheck;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class WaitingLineTests
{
    private const int Clients = 5;

    [Fact]
    public void Clients_take_turns_and_each_is_served_in_its_own_order()
    {
        var line = Filled("a1", "a2", "a3", "b1", "c1", "b2");

        Assert.Equal(["a1", "b1", "c1", "a2", "b2", "a3"], Emptied(line));
    }

    [Fact]
    public void A_client_that_was_served_waits_behind_the_others()
    {
        var line = Filled("a1", "b1");
        line.TryTake(out _);
        line.TryAdd('a', "a2");

        Assert.Equal(["b1", "a2"], Emptied(line));
    }

    [Fact]
    public void A_full_line_takes_nobody_until_somebody_leaves()
    {
        var line = new WaitingLine<char, string>(capacity: 2);
        var first = line.TryAdd('a', "a1");
        line.TryAdd('b', "b1");

        Assert.Null(line.TryAdd('c', "c1"));
        Assert.True(line.Leave(first!));
        Assert.False(line.Leave(first!));
        Assert.NotNull(line.TryAdd('c', "c1"));
        Assert.Equal(["b1", "c1"], Emptied(line));
    }

    [Fact]
    public void A_line_without_places_takes_nobody() => Assert.Null(new WaitingLine<char, string>(capacity: 0).TryAdd('a', "a1"));

    [Fact]
    public void A_client_that_nothing_waits_for_is_forgotten()
    {
        var line = new WaitingLine<int, int>(capacity: 1_000);
        for (var client = 0; client < 1_000; client++)
        {
            Assert.True(line.Leave(line.TryAdd(client, 0)!));
        }

        Assert.Equal((0, 0), (line.Count, line.ClientCount));
    }

    [Fact]
    public void Whatever_is_asked_for_given_back_and_given_up_no_rule_of_the_gate_is_broken() =>
        (from limit in Gen.Int[1, 4]
         from capacity in Gen.Int[0, 12]
         from steps in Gen.Select(Gen.Enum<Step>(), Gen.Int[0, 1_000]).Array[0, 300]
         select (limit, capacity, steps))
        .Sample(
            sample =>
            {
                var gate = new GateOnPaper(sample.limit, sample.capacity);
                foreach (var (step, number) in sample.steps)
                {
                    gate.Do(step, number);
                }

                gate.Finish();
            },
            iter: 2_000);

    private static WaitingLine<char, string> Filled(params string[] items)
    {
        var line = new WaitingLine<char, string>(items.Length);
        foreach (var item in items)
        {
            line.TryAdd(item[0], item);
        }

        return line;
    }

    private static List<string> Emptied(WaitingLine<char, string> line)
    {
        List<string> taken = [];
        while (line.TryTake(out var item))
        {
            taken.Add(item!);
        }

        return taken;
    }

    private enum Step
    {
        Acquire,
        Release,
        Cancel,
    }

    /// <summary>The gate's rules, one thread, beside the line: after each step they are held against everything that happened.</summary>
    private sealed class GateOnPaper(int limit, int capacity)
    {
        private readonly WaitingLine<int, Request> _line = new(capacity);
        private readonly List<Request> _waiting = [];
        private readonly List<Request> _running = [];
        private int _made;

        public void Do(Step step, int number)
        {
            switch (step)
            {
                case Step.Acquire:
                    Acquire(number % Clients);
                    break;
                case Step.Release when _running.Count > 0:
                    _running.RemoveAt(number % _running.Count);
                    LetIn();
                    break;
                case Step.Cancel when _waiting.Count > 0:
                    var left = _waiting[number % _waiting.Count];
                    Assert.True(_line.Leave(left.Place!));
                    Assert.False(_line.Leave(left.Place!));
                    _waiting.Remove(left);
                    break;
            }

            Assert.InRange(_running.Count, 0, limit);
            Assert.InRange(_waiting.Count, 0, capacity);
            Assert.Equal(_waiting.Count, _line.Count);
            Assert.Equal(_waiting.Select(request => request.Client).Distinct().Count(), _line.ClientCount);
            Assert.True(_waiting.Count == 0 || _running.Count == limit, "A slot is free and somebody waits.");
        }

        public void Finish()
        {
            while (_running.Count > 0)
            {
                Do(Step.Release, 0);
            }

            Assert.Equal((0, 0), (_line.Count, _line.ClientCount));
        }

        private void Acquire(int client)
        {
            var request = new Request(client, _made++);
            if (_running.Count < limit)
            {
                _running.Add(request);
            }
            else if (_line.TryAdd(client, request) is { } place)
            {
                request.Place = place;
                _waiting.Add(request);
            }
            else
            {
                Assert.Equal(capacity, _waiting.Count);
            }
        }

        private void LetIn()
        {
            if (!_line.TryTake(out var next))
            {
                return;
            }

            Assert.True(_waiting.Remove(next!), "It did not wait any more.");
            Assert.DoesNotContain(_waiting, other => other.Client == next!.Client && other.Number < next.Number);
            _running.Add(next!);
            foreach (var passed in _waiting)
            {
                passed.Overtaken[next!.Client]++;
                var own = passed.Overtaken[passed.Client];
                // One of each other client for each turn of its own: nobody starves, however much the others ask for.
                Assert.All(passed.Overtaken, (times, client) => Assert.True(client == passed.Client || times <= own + 1, "Another client had two turns in one."));
            }
        }

        private sealed class Request(int client, int number)
        {
            public int Client => client;

            public int Number => number;

            public WaitingLine<int, Request>.Place? Place { get; set; }

            /// <summary>How many of each client ran since this one came.</summary>
            public int[] Overtaken { get; } = new int[Clients];
        }
    }
}
