namespace OllamaProxy.Host.Admission;

/// <summary>
/// A bounded queue with two levels of turns: groups take turns, within a group its members take turns, and each member is served in its own order. A client
/// that renames itself gains only another turn within its own group. Every operation takes logarithmic time. The caller holds a lock.
/// </summary>
/// <param name="capacity">The most items that may wait; 0 for none.</param>
internal sealed class FairQueue<TGroup, TMember, TItem>(int capacity)
    where TGroup : notnull
    where TMember : notnull
    where TItem : class
{
    private readonly Turns<TGroup, Turns<TMember, LinkedList<TItem>>> _groups = new();

    public int Count { get; private set; }

    /// <summary>Groups that wait; a group without items is forgotten.</summary>
    public int GroupCount => _groups.Count;

    /// <summary>
    /// Adds the item behind those of its member; a new group or member joins behind all others. When the queue is full, a newcomer takes the newest place of
    /// the longest queue: a group without a place takes it from the longest group, and a member from the longest member of its own group.
    /// </summary>
    /// <returns>The argument for <see cref="Leave"/>; null when there is no place. <paramref name="displaced"/> lost its place to the item.</returns>
    public Place? TryAdd(TGroup group, TMember member, TItem item, out TItem? displaced)
    {
        displaced = Count < capacity ? null : Displace(group, member);
        if (Count >= capacity)
        {
            return null;
        }

        var turn = _groups.GetOrAdd(group);
        var own = turn.Queue.GetOrAdd(member);
        var place = new Place(turn, own, own.Queue.AddLast(item));
        Resize(place, 1);
        return place;
    }

    /// <summary>Takes the next item; its member and group then wait for their next turn behind the others.</summary>
    public TItem? Take()
    {
        if (_groups.Take() is not { } turn)
        {
            return null;
        }

        var own = turn.Queue.Take()!;
        var first = own.Queue.First!;
        Remove(new Place(turn, own, first));
        return first.Value;
    }

    /// <summary>Leaves the queue; the member and the group keep their turns while they have other items.</summary>
    /// <returns>False when the place was already taken, lost or left.</returns>
    public bool Leave(Place place)
    {
        if (place.Item.List is null)
        {
            return false;
        }

        Remove(place);
        return true;
    }

    private TItem? Displace(TGroup group, TMember member)
    {
        var own = _groups.Find(group);
        if ((own ?? _groups.Longest) is not { } from || from.Queue.Longest is not { } longest)
        {
            return null;
        }

        // The only place of its kind is never lost: the newcomer would be no better off than its owner.
        var canLose = own is null ? from.Length > 1 : own.Queue.Find(member) is null && longest.Length > 1;
        if (!canLose)
        {
            return null;
        }

        var newest = longest.Queue.Last!;
        Remove(new Place(from, longest, newest));
        return newest.Value;
    }

    private void Remove(Place place)
    {
        place.Member.Queue.Remove(place.Item);
        Resize(place, -1);
    }

    private void Resize(Place place, int change)
    {
        Count += change;
        place.Group.Queue.Resize(place.Member, change);
        _groups.Resize(place.Group, change);
    }

    internal sealed record Place(Turn<TGroup, Turns<TMember, LinkedList<TItem>>> Group, Turn<TMember, LinkedList<TItem>> Member, LinkedListNode<TItem> Item);
}

/// <summary>One participant and its own queue. A later participant has a higher number.</summary>
internal sealed class Turn<TKey, TQueue>(TKey key, long number) : IComparable<Turn<TKey, TQueue>>
    where TQueue : new()
{
    private readonly long _number = number;

    public TKey Key => key;

    public TQueue Queue { get; } = new();

    /// <summary>Items in the queue, on all levels below.</summary>
    public int Length { get; set; }

    /// <summary>By length; of two with the same length, the later one is greater.</summary>
    public int CompareTo(Turn<TKey, TQueue>? other) => other is null ? 1 : (Length, _number).CompareTo((other.Length, other._number));
}

/// <summary>Participants that take turns, ordered by their next turn and by the length of their queues.</summary>
internal sealed class Turns<TKey, TQueue>
    where TKey : notnull
    where TQueue : new()
{
    private readonly Dictionary<TKey, LinkedListNode<Turn<TKey, TQueue>>> _byKey = [];
    private readonly LinkedList<Turn<TKey, TQueue>> _order = [];
    private readonly SortedSet<Turn<TKey, TQueue>> _byLength = [];
    private long _made;

    public int Count => _order.Count;

    public Turn<TKey, TQueue>? Longest => _byLength.Max;

    public Turn<TKey, TQueue>? Find(TKey key) => _byKey.GetValueOrDefault(key)?.Value;

    public Turn<TKey, TQueue> GetOrAdd(TKey key)
    {
        if (!_byKey.TryGetValue(key, out var node))
        {
            _byKey[key] = node = _order.AddLast(new Turn<TKey, TQueue>(key, _made++));
        }

        return node.Value;
    }

    /// <summary>Returns the participant whose turn it is, and moves it to the end.</summary>
    public Turn<TKey, TQueue>? Take()
    {
        if (_order.First is not { } first)
        {
            return null;
        }

        _order.Remove(first);
        _order.AddLast(first);
        return first.Value;
    }

    /// <summary>Adds to the length of a participant's queue, and forgets a participant whose queue is empty.</summary>
    public void Resize(Turn<TKey, TQueue> turn, int change)
    {
        _byLength.Remove(turn);
        turn.Length += change;
        if (turn.Length > 0)
        {
            _byLength.Add(turn);
        }
        else if (_byKey.Remove(turn.Key, out var node))
        {
            _order.Remove(node);
        }
    }
}
