using System.Buffers;
using System.Numerics;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>
/// What the last document of a stream looked like. The next one mostly differs in its texts only (a token, a time), so it is compared with that instead of
/// being read: the bytes between the texts must be the same, and a text ends at its quote. What was told of the last document is then told of this one,
/// with its own texts. Anything else, an escape in a text included, is read as ever, and learned anew.
/// </summary>
internal sealed class JsonPattern
{
    /// <summary>Larger documents are read.</summary>
    private const int MaxBytes = 1024;

    /// <summary>Documents of which more is to be told are read.</summary>
    private const int MaxParts = 24;

    private static readonly SearchValues<byte> s_textEnds = SearchValues.Create("\"\\"u8);

    private byte[] _document = [];
    private Part[] _parts = [];
    private int _length;
    private int _count;
    private bool _isLearning;

    private enum Kind : byte
    {
        /// <summary>A text that no reader needs.</summary>
        Passed,
        Text,
        Literal,
        Present,
        Begin,
        End,
    }

    /// <summary>A new document begins, and is being read.</summary>
    public void Begin()
    {
        (_isLearning, _length, _count) = (true, 0, 0);
        if (_parts.Length == 0)
        {
            _parts = new Part[MaxParts];
        }
    }

    /// <summary>It cannot be learned.</summary>
    public void GiveUp() => (_isLearning, _length) = (false, 0);

    /// <summary>It is whole.</summary>
    public void Learn(ReadOnlySpan<byte> document)
    {
        if (!_isLearning)
        {
            return;
        }

        _isLearning = false;
        if (document.Length > MaxBytes)
        {
            return;
        }

        if (_document.Length < document.Length)
        {
            _document = new byte[BitOperations.RoundUpToPowerOf2((uint)document.Length)];
        }

        document.CopyTo(_document);
        _length = document.Length;
    }

    /// <param name="field">The field, or <see cref="JsonFields.None"/> if no reader needs it.</param>
    /// <param name="start">Where it begins in the document, behind its quote.</param>
    /// <param name="end">Where its last quote is.</param>
    public void Text(int field, int start, int end) => Add(field == JsonFields.None ? Kind.Passed : Kind.Text, field, start, end);

    public void Literal(int field, int start, int end) => Add(Kind.Literal, field, start, end);

    public void Present(int field) => Add(Kind.Present, field, 0, 0);

    public void Begin(int field) => Add(Kind.Begin, field, 0, 0);

    public void End(int field) => Add(Kind.End, field, 0, 0);

    /// <summary>Tells the sink of the document that the bytes begin with, if it is like the last one.</summary>
    /// <returns>The bytes of it; 0 when it is not, and nothing was told.</returns>
    public int Match(ReadOnlySpan<byte> bytes, IJsonFieldSink sink)
    {
        if (_length == 0)
        {
            return 0;
        }

        Span<(int Start, int Length)> texts = stackalloc (int, int)[MaxParts];
        var parts = _parts.AsSpan(0, _count);
        var document = _document.AsSpan(0, _length);
        var (passed, known) = (0, 0);
        for (var index = 0; index < parts.Length; index++)
        {
            ref readonly var part = ref parts[index];
            if (part.Kind > Kind.Text)
            {
                continue;
            }

            var same = document[known..part.Start];
            if (!bytes[passed..].StartsWith(same))
            {
                return 0;
            }

            passed += same.Length;
            var length = bytes[passed..].IndexOfAny(s_textEnds);
            if (length < 0 || bytes[passed + length] != '"')
            {
                return 0;
            }

            texts[index] = (passed, length);
            passed += length;
            known = part.End;
        }

        var rest = document[known..];
        if (!bytes[passed..].StartsWith(rest))
        {
            return 0;
        }

        Tell(bytes, parts, texts, sink);
        return passed + rest.Length;
    }

    private void Tell(ReadOnlySpan<byte> bytes, ReadOnlySpan<Part> parts, ReadOnlySpan<(int Start, int Length)> texts, IJsonFieldSink sink)
    {
        for (var index = 0; index < parts.Length; index++)
        {
            ref readonly var part = ref parts[index];
            switch (part.Kind)
            {
                case Kind.Text:
                    var (start, length) = texts[index];
                    sink.Text(part.Field, bytes.Slice(start, Math.Min(length, JsonFieldScanner.MaxText)), length);
                    break;
                case Kind.Literal:
                    sink.Literal(part.Field, _document.AsSpan(part.Start, part.End - part.Start));
                    break;
                case Kind.Present:
                    sink.Present(part.Field);
                    break;
                case Kind.Begin:
                    sink.Begin(part.Field);
                    break;
                case Kind.End:
                    sink.End(part.Field);
                    break;
            }
        }

        sink.DocumentEnd();
    }

    private void Add(Kind kind, int field, int start, int end)
    {
        if (!_isLearning)
        {
            return;
        }

        if (_count == MaxParts || end > MaxBytes)
        {
            GiveUp();
            return;
        }

        _parts[_count++] = new Part(kind, (short)field, (short)start, (short)end);
    }

    /// <param name="Kind">The kind of the event.</param>
    /// <param name="Field">Of which field.</param>
    /// <param name="Start">Where a text or a literal begins in the document.</param>
    /// <param name="End">Where it ends.</param>
    private readonly record struct Part(Kind Kind, short Field, short Start, short End);
}
