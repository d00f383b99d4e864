using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads an answer of <c>/v1/audio/transcriptions</c>: JSON with a <c>text</c>, under whatever media type (ollama-protocol: it comes as
/// <c>application/x-ndjson</c>), or, where the client wanted it, plain text. It carries no counts; an empty body is a run that died.
/// </summary>
internal sealed class TranscriptionReader : IResponseReader, IJsonFieldSink
{
    private static readonly JsonFields s_fields = new(
        ("text", AnswerField.Text, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value));

    private readonly ResponseHead _head;
    private readonly JsonFieldScanner _scanner;
    private readonly AnswerFacts _answer = new();
    private readonly bool _isPlainText;
    private bool _isEmpty = true;

    public TranscriptionReader(in ResponseHead head)
    {
        _head = head;
        _isPlainText = head.StatusCode < 400 && head.HasMediaType("text/plain");
        _scanner = new JsonFieldScanner(s_fields, this);
    }

    public int Pieces => _answer.Pieces;

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        _isEmpty &= bytes.IsEmpty;
        if (_isPlainText)
        {
            _answer.Text(AnswerField.Text, bytes, bytes.Length);
        }
        else
        {
            _scanner.Read(bytes);
        }
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        var isTerminated = ended && (_isPlainText ? !_isEmpty : _scanner.Documents > 0);
        return _answer.Complete(timeProvider, _head, isTerminated, isStream: false, isGeneration: false);
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length) => _answer.Text(field, utf8, length);
}
