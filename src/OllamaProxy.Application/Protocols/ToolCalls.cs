using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>A tool call, its start, or a fragment of its arguments.</summary>
internal readonly ref struct ToolPiece
{
    /// <summary>The part of the response (<see cref="PartTexts"/>); calls of different parts are independent.</summary>
    public required int Part { get; init; }

    public int? Index { get; init; }

    public string? Id { get; init; }

    public string? Name { get; init; }

    public ReadOnlySpan<byte> Arguments { get; init; }

    /// <summary>The length of the arguments in bytes before they were cut.</summary>
    public long Length { get; init; }

    /// <summary>True for the call's complete arguments, false for a fragment.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Whether it may start a call. Arguments of a call that the server runs itself belong to none.</summary>
    public bool Opens { get; init; }
}

/// <summary>
/// The tool calls of a response as one bounded JSON array of <c>{"name","arguments"}</c>. Parallel calls can be interleaved, so a fragment finds its call by
/// index, by id, or else takes the one started last.
/// </summary>
internal sealed class ToolCalls
{
    /// <summary>The cost of a call in addition to its name and arguments.</summary>
    private const int Overhead = 32;

    private readonly List<Call> _calls = [];
    private int _kept;

    /// <summary>The number of calls, which can exceed those kept.</summary>
    public int Count { get; private set; }

    private int Room => Math.Max(0, JsonFieldScanner.MaxText - _kept);

    /// <summary>Adds a fragment to its call, or starts a call.</summary>
    /// <returns>True when these are the call's first arguments.</returns>
    public bool Add(in ToolPiece piece)
    {
        var call = Find(piece) ?? (piece.Opens || piece.Part == PartTexts.Unknown ? Open(piece) : null);
        if (call is null)
        {
            return false;
        }

        var isFirst = call.Arguments.Length == 0 && piece.Length > 0;
        _kept -= call.Cost;
        call.Take(piece, Room);
        _kept += call.Cost;
        return isFirst;
    }

    /// <summary>True when the last call of the part has no arguments yet.</summary>
    public bool IsEmpty(int part) => _calls.FindLast(call => call.Part == part) is { Arguments.Length: 0 };

    /// <summary>Assigns the calls of the <see cref="PartTexts.Unknown"/> part to this one.</summary>
    public void Settle(int part, bool opens)
    {
        for (var at = 0; at < _calls.Count && part != PartTexts.Unknown;)
        {
            var call = _calls[at];
            if (call.Part != PartTexts.Unknown)
            {
                at++;
                continue;
            }

            _calls.RemoveAt(at);
            _kept -= call.Cost;
            Count--;
            Add(new ToolPiece
            {
                Part = part,
                Index = call.Index,
                Id = call.Id,
                Name = call.Name,
                Arguments = call.Arguments.Span,
                Length = call.Arguments.Length,
                IsWhole = call.IsWhole,
                Opens = opens || call.Name.Length > 0,
            });
        }
    }

    /// <summary>The array; null without calls.</summary>
    public string? Complete()
    {
        var array = new ByteBuffer(JsonFieldScanner.MaxText);
        foreach (var call in _calls)
        {
            Write(array, call);
        }

        return array.Count > 0 ? array + "]" : null;
    }

    private Call? Find(in ToolPiece piece)
    {
        for (var at = _calls.Count - 1; at >= 0; at--)
        {
            if (_calls[at].Continues(piece))
            {
                return _calls[at];
            }
        }

        return null;
    }

    private Call? Open(in ToolPiece piece)
    {
        var call = new Call { Part = piece.Part, Index = piece.Index, Id = piece.Id, Name = piece.Name ?? "" };
        if (call.Cost > Room)
        {
            // A call beyond the limit is counted, not kept. Without a name it is a fragment of such a call.
            Count += call.Name.Length > 0 ? 1 : 0;
            return null;
        }

        Count++;
        _kept += call.Cost;
        _calls.Insert(PlaceOf(call), call);
        return call;
    }

    /// <summary>The position by part and index. Calls with the same index stay in order of arrival.</summary>
    private int PlaceOf(Call call)
    {
        var isNumbered = call.Index is not null && !_calls.Exists(other => other.Part == call.Part && other.Index == call.Index);
        var place = _calls.FindIndex(other => other.Part > call.Part || (isNumbered && other.Part == call.Part && other.Index > call.Index));
        return place < 0 ? _calls.Count : place;
    }

    private static void Write(ByteBuffer array, Call call)
    {
        var name = JsonEncodedText.Encode(call.Name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes;
        var arguments = Json(call.Arguments);
        if (array.Count + name.Length + arguments.Length + Overhead > JsonFieldScanner.MaxText)
        {
            return;
        }

        array.Append(array.Count == 0 ? "["u8 : ","u8);
        array.Append("{\"name\":\""u8);
        array.Append(name);
        array.Append("\",\"arguments\":"u8);
        array.Append(arguments);
        array.Append("}"u8);
    }

    /// <summary>The arguments as one JSON value: null when cut, because half a value would break the array, and a string when they are not JSON.</summary>
    private static ReadOnlySpan<byte> Json(ByteBuffer arguments)
    {
        var span = arguments.Span;
        return
            arguments.Length > arguments.Count ? "null"u8 :
            span.IsEmpty ? "{}"u8 :
            IsJson(span) ? Compact(span) :
            Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(Encoding.UTF8.GetString(span), JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");
    }

    /// <summary>Removes white space between tokens, so a call has the same text in every dialect.</summary>
    private static ReadOnlySpan<byte> Compact(ReadOnlySpan<byte> json)
    {
        var compact = new byte[json.Length];
        var (length, isText, isEscaped) = (0, false, false);
        foreach (var value in json)
        {
            if (!isText && value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            {
                continue;
            }

            isText ^= value == '"' && !isEscaped;
            isEscaped = isText && value == '\\' && !isEscaped;
            compact[length++] = value;
        }

        return compact.AsSpan(0, length);
    }

    private static bool IsJson(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text);
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private sealed class Call
    {
        public required int Part { get; init; }

        public required int? Index { get; set; }

        public required string? Id { get; set; }

        public required string Name { get; set; }

        public bool IsWhole { get; private set; }

        public ByteBuffer Arguments { get; } = new(JsonFieldScanner.MaxText);

        /// <summary>The bytes that count toward the limit.</summary>
        public int Cost => Overhead + Name.Length + (Id?.Length ?? 0) + Arguments.Count;

        /// <summary>True when the fragment belongs to this call.</summary>
        public bool Continues(in ToolPiece piece)
        {
            var isNamed = !string.IsNullOrEmpty(piece.Name);
            if (Part != piece.Part || Contradicts(piece, isNamed))
            {
                return false;
            }

            return piece.Index is null && piece.Id is null
                ? !isNamed
                : (piece.Index is not null && piece.Index == Index) || (piece.Id is not null && piece.Id == Id);
        }

        /// <summary>Adds the fragment within the remaining room.</summary>
        public void Take(in ToolPiece piece, int room)
        {
            Index ??= piece.Index;
            Id ??= piece.Id?.Length <= room - Cost ? piece.Id : null;
            Name = Name.Length == 0 && piece.Name?.Length <= room - Cost ? piece.Name : Name;
            if (piece.Length == 0)
            {
                return;
            }

            if (piece.IsWhole || IsWhole)
            {
                // Complete arguments replace the fragments that they repeat; fragments replace the complete ones that announced them.
                Arguments.Clear();
            }

            IsWhole = piece.IsWhole;
            Arguments.Append(piece.Arguments[..Math.Clamp(room - Cost, 0, piece.Arguments.Length)], piece.Length);
        }

        private bool Contradicts(in ToolPiece piece, bool isNamed) =>
            (piece.Index is not null && Index is not null && piece.Index != Index) ||
            (piece.Id is not null && Id is not null && piece.Id != Id) ||
            (isNamed && Name.Length > 0 && (piece.Name != Name || IsAnotherObject(piece)));

        /// <summary>Some servers give every call of a response the index 0 and no id, each call complete.</summary>
        private bool IsAnotherObject(in ToolPiece piece) =>
            piece.Id is null && !piece.IsWhole && piece.Arguments.StartsWith("{"u8) && Arguments.Span.EndsWith("}"u8);
    }
}
