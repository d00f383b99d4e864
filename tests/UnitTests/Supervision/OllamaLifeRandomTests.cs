using CsCheck;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.UnitTests.Supervision;

/// <summary>
/// The state machine with random events: processes start, fail, die, hang and are slow to exit, in any order. Each command is checked against the
/// rules that must always hold.
/// </summary>
public sealed class OllamaLifeRandomTests
{
    /// <summary>The next events of the simulated world, where they are possible.</summary>
    private enum Move
    {
        LaunchChild,
        FindForeign,
        FailToLaunch,
        AnswerCheck,
        FailCheck,
        Exit,
        FinishEnding,
        BeSilent,
        Doubt,
        LetTimePass,
        LateNews,
        Drain,
        Stop,
    }

    private static readonly Gen<(Move Move, int Milliseconds)[]> s_moves = Gen.Select(
        Gen.Frequency(
            (6, Gen.Const(Move.LaunchChild)), (1, Gen.Const(Move.FindForeign)), (1, Gen.Const(Move.FailToLaunch)), (6, Gen.Const(Move.AnswerCheck)),
            (4, Gen.Const(Move.FailCheck)), (4, Gen.Const(Move.Exit)), (6, Gen.Const(Move.FinishEnding)), (1, Gen.Const(Move.BeSilent)),
            (1, Gen.Const(Move.Doubt)),
            (6, Gen.Const(Move.LetTimePass)), (1, Gen.Const(Move.LateNews))),
        Gen.Int[0, 20_000]).Array[0, 300];

    [Fact]
    public void There_is_at_most_one_child_an_external_Ollama_is_left_alone_and_a_stop_is_final() =>
        Gen.Select(s_moves, Gen.Int[0, 300], Gen.Int[0, 300], Gen.Bool).Sample(
            (moves, drainAt, stopAt, drains) =>
            {
                var world = new World();
                for (var index = 0; index < moves.Length; index++)
                {
                    if (drains && index == drainAt)
                    {
                        world.Make(Move.Drain, 0);
                    }

                    if (index == stopAt)
                    {
                        world.Make(Move.Stop, 0);
                    }

                    world.Make(moves[index].Move, moves[index].Milliseconds);
                }

                world.Make(Move.Stop, 0);
                world.FinishEverything();
                Assert.Equal(OllamaState.Stopped, world.Life.State);
                Assert.False(world.IsChildAlive);
            },
            iter: 5_000,
            threads: 1);

    [Fact]
    public void Pauses_between_starts_never_shrink_and_never_exceed_a_minute()
    {
        var rules = new OllamaLifeRules();
        Gen.Int[1, 10_000].Sample(failures =>
        {
            var pause = rules.PauseAfter(failures);
            Assert.InRange(pause, rules.PauseAfter(Math.Max(1, failures - 1)), rules.LongestPause);
        });
    }

    private sealed class World
    {
        private readonly OllamaLifeRules _rules = new();
        private readonly HashSet<int> _foreign = [];
        private TimeSpan _now;
        private int _launching;
        private int _alive;
        private int _ending;
        private int _checking;
        private int _last;
        private bool _noMoreStarts;
        private bool _isStopped;
        private TimeSpan? _goneAt;

        public World()
        {
            Life = new OllamaLife(_rules);
            Raise(OllamaEventKind.Begun);
        }

        public OllamaLife Life { get; }

        public bool IsChildAlive => _alive != 0;

        public void Make(Move move, int milliseconds)
        {
            _now += TimeSpan.FromMilliseconds(milliseconds);
            switch (move)
            {
                case Move.LaunchChild when _launching != 0:
                    _alive = _launching;
                    Raise(OllamaEventKind.Launched, Take(ref _launching));
                    break;
                case Move.FindForeign when _launching != 0:
                    _foreign.Add(_launching);
                    Raise(OllamaEventKind.Found, Take(ref _launching));
                    break;
                case Move.FailToLaunch when _launching != 0:
                    _goneAt = _now;
                    Raise(OllamaEventKind.NotLaunched, Take(ref _launching));
                    break;
                case Move.AnswerCheck when _checking != 0:
                    Raise(OllamaEventKind.Answered, Take(ref _checking));
                    break;
                case Move.FailCheck when _checking != 0:
                    Raise(OllamaEventKind.NotAnswered, Take(ref _checking));
                    break;
                case Move.Exit when _alive != 0:
                    // The process has exited; its runner may live on until it is killed.
                    Raise(OllamaEventKind.Exited, _alive);
                    break;
                case Move.FinishEnding when _ending != 0:
                    _alive = 0;
                    _goneAt = _now;
                    Raise(OllamaEventKind.Gone, Take(ref _ending));
                    break;
                case Move.BeSilent when _alive != 0:
                    Raise(OllamaEventKind.Silent, _alive);
                    break;
                case Move.Doubt:
                    Raise(OllamaEventKind.CheckRequested);
                    break;
                case Move.LetTimePass:
                    _now = Life.WakeAt is { } at && at > _now ? at : _now;
                    Raise(OllamaEventKind.TimePassed);
                    break;
                case Move.LateNews when _last > 1:
                    Raise(OllamaEventKind.NotAnswered, _last - 1);
                    Raise(OllamaEventKind.Exited, _last - 1);
                    break;
                case Move.Drain:
                    _noMoreStarts = true;
                    Raise(OllamaEventKind.Draining);
                    break;
                case Move.Stop:
                    _noMoreStarts = _isStopped = true;
                    Raise(OllamaEventKind.StopAsked);
                    break;
            }
        }

        public void FinishEverything()
        {
            for (var round = 0; round < 4; round++)
            {
                Make(Move.LaunchChild, 1);
                Make(Move.FinishEnding, 1);
            }
        }

        private static int Take(ref int field)
        {
            var value = field;
            field = 0;
            return value;
        }

        private void Raise(OllamaEventKind happening, int child = 0)
        {
            // A check and a launch that are under way are answered once; so each command is noted before the next event.
            foreach (var command in Life.Handle(new OllamaEvent(happening, child), _now).ToArray())
            {
                Carry(command);
            }

            Assert.True(Life.WakeAt is not { } wake || wake > _now || happening != OllamaEventKind.TimePassed, "A time that has passed is waited for again.");
            Assert.True(!_isStopped || Life.State is OllamaState.Stopping or OllamaState.Stopped, $"{Life.State} after a stop.");
            Assert.True(Life.State != OllamaState.Ready || _alive != 0, "Ready without a child.");
        }

        private void Carry(OllamaCommand command)
        {
            switch (command.Action)
            {
                case OllamaAction.FindOrLaunch:
                    Assert.True(_alive == 0 && _launching == 0, "A second child.");
                    Assert.False(_noMoreStarts, "A start after the stop.");
                    Assert.Empty(_foreign);
                    Assert.True(_goneAt is null || _now - _goneAt <= _rules.LongestPause + TimeSpan.FromMilliseconds(20_000 * 300),
                        "A start that never comes.");
                    Assert.True(command.Child > _last, "A number given twice.");
                    _last = _launching = command.Child;
                    _checking = 0;
                    break;
                case OllamaAction.Check:
                    Assert.Equal(0, _checking);
                    Assert.False(_isStopped, "A check after the stop.");
                    _checking = command.Child;
                    break;
                case OllamaAction.Stop or OllamaAction.CleanUp:
                    Assert.Equal(_alive, command.Child);
                    Assert.DoesNotContain(command.Child, _foreign);
                    Assert.Equal(0, _ending);
                    _ending = command.Child;
                    _checking = 0;
                    break;
                case OllamaAction.GiveUp:
                    Assert.True(_alive == 0 && _goneAt is not null && _last == 1, "Given up although one had been there.");
                    _noMoreStarts = true;
                    break;
            }
        }
    }
}
