using CsCheck;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class FairQueueTests
{
    private const int Groups = 3;
    private const int Members = 3;

    [Fact]
    public void Groups_take_turns_then_their_members_and_each_member_is_served_in_order()
    {
        var queue = Filled("Aa1", "Aa2", "Ab1", "Ab2", "Bc1", "Bc2", "Bc3");

        Assert.Equal(["Aa1", "Bc1", "Ab1", "Bc2", "Aa2", "Bc3", "Ab2"], Emptied(queue));
    }

    [Fact]
    public void A_group_with_many_members_has_no_more_turns_than_one_with_one()
    {
        var queue = Filled("Aa1", "Ab1", "Ac1", "Ad1", "Bx1", "Bx2");

        Assert.Equal(["Aa1", "Bx1", "Ab1", "Bx2", "Ac1", "Ad1"], Emptied(queue));
    }

    [Fact]
    public void A_served_group_goes_behind_the_others()
    {
        var queue = Filled("Aa1", "Bb1");
        queue.Take();
        queue.TryAdd('A', 'a', "Aa2", out _);

        Assert.Equal(["Bb1", "Aa2"], Emptied(queue));
    }

    [Fact]
    public void A_full_queue_takes_no_request_until_a_place_is_free()
    {
        var queue = new FairQueue<char, char, string>(capacity: 2);
        var first = queue.TryAdd('A', 'a', "Aa1", out _);
        queue.TryAdd('B', 'b', "Bb1", out _);

        Assert.Null(queue.TryAdd('C', 'c', "Cc1", out var displaced));
        Assert.Null(displaced);
        Assert.True(queue.Leave(first!));
        Assert.False(queue.Leave(first!));
        Assert.NotNull(queue.TryAdd('C', 'c', "Cc1", out _));
        Assert.Equal(["Bb1", "Cc1"], Emptied(queue));
    }

    [Theory]
    // A group without a place takes the newest place from the member with most places in the group with most places.
    [InlineData("Aa1 Aa2 Ab1 Bc1", "Cd1", "Aa2")]
    [InlineData("Aa1 Ab1 Ac1 Bd1", "Ce1", "Ac1")]
    // A member without a place takes one only from its own group, and only from a member that keeps another.
    [InlineData("Aa1 Aa2 Aa3 Bc1", "Ab1", "Aa3")]
    [InlineData("Aa1 Aa2 Aa3 Bc1", "Bd1", null)]
    [InlineData("Aa1 Ab1 Ac1 Bc1", "Ad1", null)]
    // The queue is full for a member that has a place, and for a new member when every other has only one.
    [InlineData("Aa1 Aa2 Aa3 Bc1", "Bc2", null)]
    [InlineData("Aa1 Bb1", "Cc1", null)]
    public void A_new_group_or_member_takes_the_newest_place_of_the_longest_one_in_a_full_queue(string waiting, string newcomer, string? expected)
    {
        var queue = Filled(waiting.Split(' '));

        var place = queue.TryAdd(newcomer[0], newcomer[1], newcomer, out var displaced);

        Assert.Equal(expected, displaced);
        Assert.Equal(expected is not null, place is not null);
        Assert.Equal(waiting.Split(' ').Append(newcomer).Except([expected ?? newcomer]).Order(), Emptied(queue).Order());
    }

    [Fact]
    public void A_queue_of_capacity_zero_takes_no_request() => Assert.Null(new FairQueue<char, char, string>(capacity: 0).TryAdd('A', 'a', "Aa1", out _));

    [Fact]
    public void A_group_without_waiting_requests_is_removed()
    {
        var queue = new FairQueue<int, int, string>(capacity: 1_000);
        for (var client = 0; client < 1_000; client++)
        {
            Assert.True(queue.Leave(queue.TryAdd(client, client, "", out _)!));
        }

        Assert.Equal((0, 0), (queue.Count, queue.GroupCount));
    }

    [Fact]
    public void No_random_sequence_of_steps_breaks_a_rule_of_the_gate() =>
        (from limit in Gen.Int[1, 4]
         from capacity in Gen.Int[0, 12]
         from steps in Gen.Select(Gen.Enum<Step>(), Gen.Int[0, 1_000]).Array[0, 300]
         select (limit, capacity, steps))
        .Sample(
            sample =>
            {
                var gate = new CheckedQueue(sample.limit, sample.capacity);
                foreach (var (step, number) in sample.steps)
                {
                    gate.Do(step, number);
                }

                gate.Finish();
            },
            iter: 2_000);

    private static FairQueue<char, char, string> Filled(params string[] items)
    {
        var queue = new FairQueue<char, char, string>(items.Length);
        foreach (var item in items)
        {
            queue.TryAdd(item[0], item[1], item, out _);
        }

        return queue;
    }

    private static List<string> Emptied(FairQueue<char, char, string> queue)
    {
        List<string> taken = [];
        while (queue.Take() is { } item)
        {
            taken.Add(item);
        }

        return taken;
    }

    private enum Step
    {
        Acquire,
        Release,
        Cancel,
    }

    /// <summary>The rules of the gate on one thread: after each step, the queue is checked against the whole history.</summary>
    private sealed class CheckedQueue(int limit, int capacity)
    {
        private readonly FairQueue<int, (int Group, int Member), Request> _queue = new(capacity);
        private readonly List<Request> _waiting = [];
        private readonly List<Request> _running = [];
        private int _made;

        public void Do(Step step, int number)
        {
            switch (step)
            {
                case Step.Acquire:
                    Acquire(number % Groups, number / Groups % Members);
                    break;
                case Step.Release when _running.Count > 0:
                    _running.RemoveAt(number % _running.Count);
                    LetIn();
                    break;
                case Step.Cancel when _waiting.Count > 0:
                    var left = _waiting[number % _waiting.Count];
                    Assert.True(_queue.Leave(left.Place!));
                    Assert.False(_queue.Leave(left.Place!));
                    _waiting.Remove(left);
                    break;
            }

            Assert.InRange(_running.Count, 0, limit);
            Assert.InRange(_waiting.Count, 0, capacity);
            Assert.Equal(_waiting.Count, _queue.Count);
            Assert.Equal(_waiting.Select(request => request.Group).Distinct().Count(), _queue.GroupCount);
            Assert.True(_waiting.Count == 0 || _running.Count == limit, "A slot is free and a request waits.");
        }

        public void Finish()
        {
            while (_running.Count > 0)
            {
                Do(Step.Release, 0);
            }

            Assert.Equal((0, 0), (_queue.Count, _queue.GroupCount));
        }

        private void Acquire(int group, int member)
        {
            var request = new Request(group, member, _made++);
            if (_running.Count < limit)
            {
                _running.Add(request);
                return;
            }

            var isFull = _waiting.Count == capacity;
            request.Place = _queue.TryAdd(group, (group, member), request, out var displaced);
            if (displaced is not null)
            {
                Displace(displaced, request);
            }
            else if (isFull)
            {
                Assert.Null(request.Place);
                Assert.True(_waiting.Any(other => other.Group == group) || _waiting.GroupBy(other => other.Group).All(others => others.Count() == 1),
                    "The queue was full for a request that had a right to a place.");
            }

            if (request.Place is not null)
            {
                _waiting.Add(request);
            }
        }

        private void Displace(Request displaced, Request newcomer)
        {
            Assert.Equal(capacity, _waiting.Count);
            Assert.NotNull(newcomer.Place);
            Assert.False(_queue.Leave(displaced.Place!), "A displaced request could still leave its place.");
            Assert.DoesNotContain(_waiting, other => other.IsSameAs(newcomer));
            Assert.DoesNotContain(_waiting, other => other.IsSameAs(displaced) && other.Number > displaced.Number);
            var own = _waiting.Where(other => other.IsSameAs(displaced)).ToList();
            Assert.All(_waiting.Where(other => other.Group == displaced.Group).GroupBy(other => other.Member), line => Assert.True(line.Count() <= own.Count));
            if (displaced.Group == newcomer.Group)
            {
                Assert.True(own.Count > 1);
            }
            else
            {
                Assert.DoesNotContain(_waiting, other => other.Group == newcomer.Group);
                var lost = _waiting.Count(other => other.Group == displaced.Group);
                Assert.True(lost > 1);
                Assert.All(_waiting.GroupBy(other => other.Group), line => Assert.True(line.Count() <= lost));
            }

            Assert.True(_waiting.Remove(displaced), "The displaced request was not waiting.");
        }

        private void LetIn()
        {
            if (_queue.Take() is not { } next)
            {
                return;
            }

            Assert.True(_waiting.Remove(next), "The next request was not waiting.");
            Assert.DoesNotContain(_waiting, other => other.IsSameAs(next) && other.Number < next.Number);
            _running.Add(next);
            foreach (var passed in _waiting)
            {
                passed.OvertakenByGroup[next.Group]++;
                var own = passed.OvertakenByGroup[passed.Group];
                // Each other group gets at most one turn per turn of this group, so no group starves, however many requests or names the others use.
                Assert.All(passed.OvertakenByGroup,
                    (times, group) => Assert.True(group == passed.Group || times <= own + 1, "Another group had two turns in one."));
                if (next.Group == passed.Group)
                {
                    passed.OvertakenByMember[next.Member]++;
                    var ownTurns = passed.OvertakenByMember[passed.Member];
                    Assert.All(passed.OvertakenByMember,
                        (times, member) => Assert.True(member == passed.Member || times <= ownTurns + 1, "Another member had two turns in one."));
                }
            }
        }

        private sealed class Request(int group, int member, int number)
        {
            public int Group => group;

            public int Member => member;

            public int Number => number;

            public FairQueue<int, (int Group, int Member), Request>.Place? Place { get; set; }

            /// <summary>How many requests of each group ran since this one was queued.</summary>
            public int[] OvertakenByGroup { get; } = new int[Groups];

            /// <summary>How many requests of each member of its own group ran since this one was queued.</summary>
            public int[] OvertakenByMember { get; } = new int[Members];

            public bool IsSameAs(Request other) => other.Group == group && other.Member == member;
        }
    }
}
