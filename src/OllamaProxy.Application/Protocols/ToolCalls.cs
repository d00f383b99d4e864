using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>One piece of a tool call: a whole call, its beginning, or a fragment of its arguments.</summary>
internal readonly ref struct ToolPiece
{
    /// <summary>The part of the answer it stands in (<see cref="PartTexts"/>); calls of different parts have nothing to do with each other.</summary>
    public required int Part { get; init; }

    public int? Index { get; init; }

    public string? Id { get; init; }

    public string? Name { get; init; }

    public ReadOnlySpan<byte> Arguments { get; init; }

    /// <summary>The bytes of the arguments before they were cut.</summary>
    public long Length { get; init; }

    /// <summary>True when these are the call's complete arguments, false for a fragment.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Whether it may begin a call. The arguments of a call that the server itself runs belong to none.</summary>
    public bool Opens { get; init; }
}

/// <summary>
/// The tool calls of an answer as one JSON array of <c>{"name","arguments"}</c>, bounded. Fragments of parallel calls may alternate, so each finds its call by
/// index, by id, or, without either, as the one that was begun last.
/// </summary>
internal sealed class ToolCalls
{
    /// <summary>What a call costs besides its name and arguments.</summary>
    private const int Overhead = 32;

    private readonly List<Call> _calls = [];
    private int _kept;

    /// <summary>Calls begun; more may have been counted than are kept.</summary>
    public int Count { get; private set; }

    private int Room => Math.Max(0, JsonFieldScanner.MaxText - _kept);

    /// <summary>Adds a piece to its call, or begins one.</summary>
    /// <returns>True when the call has its first arguments from it.</returns>
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

    /// <summary>True when the last call of the part has no arguments so far.</summary>
    public bool IsEmpty(int part) => _calls.FindLast(call => call.Part == part) is { Arguments.Length: 0 };

    /// <summary>The calls of the <see cref="PartTexts.Unknown"/> part belong to this one.</summary>
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

    /// <summary>The array; null when there was no call.</summary>
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
            // A call that does not fit is counted, not kept; without a name it is a fragment of such a call.
            Count += call.Name.Length > 0 ? 1 : 0;
            return null;
        }

        Count++;
        _kept += call.Cost;
        _calls.Insert(PlaceOf(call), call);
        return call;
    }

    /// <summary>By part and index. Calls that a server numbers alike stay in the order they came in.</summary>
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

    /// <summary>Arguments as one JSON value. Cut ones become null, because half a value would spoil the array; what is no JSON becomes a string.</summary>
    private static ReadOnlySpan<byte> Json(ByteBuffer arguments)
    {
        var span = arguments.Span;
        return
            arguments.Length > arguments.Count ? "null"u8 :
            span.IsEmpty ? "{}"u8 :
            IsJson(span) ? Compact(span) :
            Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(Encoding.UTF8.GetString(span), JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");
    }

    /// <summary>Without blanks between its tokens, so that a call reads the same through every dialect.</summary>
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

        /// <summary>The bytes that count against the bound.</summary>
        public int Cost => Overhead + Name.Length + (Id?.Length ?? 0) + Arguments.Count;

        /// <summary>Whether the piece belongs to this call.</summary>
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

        /// <summary>Adds the piece, as far as there is room for all that the call costs.</summary>
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
                // Whole arguments replace the fragments they repeat; fragments replace the whole ones that announced them.
                Arguments.Clear();
            }

            IsWhole = piece.IsWhole;
            Arguments.Append(piece.Arguments[..Math.Clamp(room - Cost, 0, piece.Arguments.Length)], piece.Length);
        }

        private bool Contradicts(in ToolPiece piece, bool isNamed) =>
            (piece.Index is not null && Index is not null && piece.Index != Index) ||
            (piece.Id is not null && Id is not null && piece.Id != Id) ||
            (isNamed && Name.Length > 0 && (piece.Name != Name || IsAnotherObject(piece)));

        /// <summary>Some servers give every call of an answer the index 0 and no id, each call whole.</summary>
        private bool IsAnotherObject(in ToolPiece piece) =>
            piece.Id is null && !piece.IsWhole && piece.Arguments.StartsWith("{"u8) && Arguments.Span.EndsWith("}"u8);
    }
}
