using System.Text;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>The form in which a reader wants a value.</summary>
internal enum JsonWant : byte
{
    /// <summary>The content of scalars; the start and end of objects and arrays.</summary>
    Value,

    /// <summary>The content of scalars; the JSON text of objects and arrays.</summary>
    Raw,

    /// <summary>Only the presence: the content (an image, a tool's schema) is skipped.</summary>
    Presence,
}

/// <summary>
/// The fields of interest, as paths such as <c>message.content</c> or <c>messages[].role</c>. Everything else in a body is skipped. Keys ignore ASCII case,
/// like Go's encoding/json.
/// </summary>
internal sealed class JsonFields
{
    public const int Root = 0;
    public const int None = -1;

    private readonly List<Node> _nodes = [new Node()];

    /// <param name="fields">A path (empty for the whole value), the number that reports its values, and the wanted form.</param>
    public JsonFields(params ReadOnlySpan<(string Path, int Field, JsonWant Want)> fields)
    {
        foreach (var (path, field, want) in fields)
        {
            var node = Root;
            foreach (var part in path.Replace("[]", ".[]", StringComparison.Ordinal).Split('.', StringSplitOptions.RemoveEmptyEntries))
            {
                node = part == "[]" ? ElementOrNew(node) : MemberOrNew(node, part);
            }

            _nodes[node].Field = field;
            _nodes[node].Want = want;
        }
    }

    public int FieldOf(int node) => _nodes[node].Field;

    public JsonWant WantOf(int node) => _nodes[node].Want;

    /// <summary>True when a value inside this one is of interest.</summary>
    public bool HasInside(int node) => _nodes[node].Members.Count > 0 || _nodes[node].Element != None;

    /// <summary>The node of a member, or <see cref="None"/>.</summary>
    public int Member(int node, ReadOnlySpan<byte> key)
    {
        foreach (var (name, member) in _nodes[node].Members)
        {
            if (Ascii.EqualsIgnoreCase(key, name))
            {
                return member;
            }
        }

        return None;
    }

    /// <summary>The node of an array's elements, or <see cref="None"/>.</summary>
    public int Element(int node) => _nodes[node].Element;

    private int ElementOrNew(int node)
    {
        if (_nodes[node].Element == None)
        {
            _nodes[node].Element = Add();
        }

        return _nodes[node].Element;
    }

    private int MemberOrNew(int node, string name)
    {
        var key = Encoding.UTF8.GetBytes(name);
        if (Member(node, key) is not None and var found)
        {
            return found;
        }

        var added = Add();
        _nodes[node].Members.Add((key, added));
        return added;
    }

    private int Add()
    {
        _nodes.Add(new Node());
        return _nodes.Count - 1;
    }

    private sealed class Node
    {
        public int Field { get; set; } = None;

        public JsonWant Want { get; set; }

        public int Element { get; set; } = None;

        public List<(byte[] Name, int Node)> Members { get; } = [];
    }
}
