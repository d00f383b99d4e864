namespace OllamaProxy.Host.Proxy;

/// <summary>
/// A bounded waiting line that is fair between clients: they take turns, one item each, and within a client the first in is the first out. Whoever
/// sends a thousand requests waits behind itself; a client with one waits for at most one of each other. Every operation takes constant time.
/// Knows nothing of threads, clocks and requests: whoever uses it holds a lock.
/// </summary>
/// <param name="capacity">The most items that may wait; 0 for none.</param>
internal sealed class WaitingLine<TClient, TItem>(int capacity)
    where TClient : notnull
{
    private readonly Dictionary<TClient, LinkedListNode<Turn>> _clients = [];

    /// <summary>The clients that wait, the next to have its turn first.</summary>
    private readonly LinkedList<Turn> _turns = [];

    /// <summary>Items that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Clients that wait; at most <see cref="Count"/>, for a client without items is forgotten.</summary>
    public int ClientCount => _turns.Count;

    /// <summary>Puts the item behind those of its client, and a client that was not waiting behind all others.</summary>
    /// <returns>Its place, by which it can leave; null when the line is full.</returns>
    public Place? TryAdd(TClient client, TItem item)
    {
        if (Count >= capacity)
        {
            return null;
        }

        if (!_clients.TryGetValue(client, out var turn))
        {
            turn = _turns.AddLast(new Turn(client));
            _clients.Add(client, turn);
        }

        Count++;
        return new Place(turn, turn.Value.Items.AddLast(item));
    }

    /// <summary>Takes the first item of the client whose turn it is; its next one waits for its next turn.</summary>
    /// <returns>False when nobody waits.</returns>
    public bool TryTake(out TItem? item)
    {
        if (_turns.First is not { } turn)
        {
            item = default;
            return false;
        }

        var first = turn.Value.Items.First!;
        item = first.Value;
        _turns.Remove(turn);
        _turns.AddLast(turn);
        Remove(turn, first);
        return true;
    }

    /// <summary>Leaves the line; the client keeps its turn while it has other items.</summary>
    /// <returns>False when the place was already taken or left.</returns>
    public bool Leave(Place place)
    {
        if (place.Item.List is null)
        {
            return false;
        }

        Remove(place.Turn, place.Item);
        return true;
    }

    private void Remove(LinkedListNode<Turn> turn, LinkedListNode<TItem> item)
    {
        turn.Value.Items.Remove(item);
        Count--;
        if (turn.Value.Items.Count == 0)
        {
            _turns.Remove(turn);
            _clients.Remove(turn.Value.Client);
        }
    }

    /// <summary>Where an item stands.</summary>
    internal sealed record Place(LinkedListNode<Turn> Turn, LinkedListNode<TItem> Item);

    /// <summary>One client's own line.</summary>
    internal sealed record Turn(TClient Client)
    {
        public LinkedList<TItem> Items { get; } = [];
    }
}
