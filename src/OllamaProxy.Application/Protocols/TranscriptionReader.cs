using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Reads a response of <c>/v1/audio/transcriptions</c>: JSON with a <c>text</c> under any media type (Ollama sends <c>application/x-ndjson</c>), or plain text
/// on request. It has no counts; an empty body means the run died.
/// </summary>
internal sealed class TranscriptionReader : IResponseReader, IJsonFieldSink
{
    private static readonly JsonFields s_fields = new(
        ("text", AnswerField.Text, JsonWant.Value),
        ("error", AnswerField.Error, JsonWant.Value),
        ("error.message", AnswerField.Error, JsonWant.Value));

    private readonly ResponseHead _head;
    private readonly AnswerScanner _scanner;
    private readonly AnswerFacts _answer = new();
    private readonly ByteBuffer _plainText = new(JsonFieldScanner.MaxText);

    public TranscriptionReader(in ResponseHead head)
    {
        _head = head;
        _scanner = new AnswerScanner(s_fields, this);
    }

    public int Pieces => _answer.Pieces;

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        _scanner.Read(bytes);
        if (!_scanner.IsJson && _head.StatusCode < 400)
        {
            _plainText.Append(bytes);
        }
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        _scanner.Finish();
        var isPlainText = !_scanner.IsEmpty && !_scanner.IsJson && !_scanner.HasObject;
        if (isPlainText)
        {
            _answer.Text(AnswerField.Text, _plainText.Span, _plainText.Length);
        }

        var isTerminated = isPlainText ? ended : _scanner.HasObject;
        return _answer.Complete(timeProvider, _head, isPlainText ? null : _scanner, isTerminated, isStream: false, isGeneration: false);
    }

    void IJsonFieldSink.Text(int field, ReadOnlySpan<byte> utf8, long length) => _answer.Text(field, utf8, length);

    void IJsonFieldSink.Begin(int field) => _answer.Begin(field);
}
