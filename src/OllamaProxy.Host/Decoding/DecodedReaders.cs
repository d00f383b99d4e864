using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Decoding;

/// <summary>Decodes an encoded request for its reader.</summary>
internal sealed class DecodedRequestReader(IRequestReader reader, BodyDecoder decoder) : IRequestReader
{
    public string? Model => reader.Model;

    public void Read(ReadOnlySpan<byte> bytes)
    {
        decoder.Push(bytes);
        for (var decoded = decoder.Read(); !decoded.IsEmpty; decoded = decoder.Read())
        {
            reader.Read(decoded);
        }
    }

    /// <summary>Frees the decoder's memory when the body has ended, because the response can take minutes.</summary>
    public void Release() => decoder.Dispose();

    public RequestFacts Complete()
    {
        decoder.Dispose();
        return decoder.Failure is { } failure ? new RequestFacts { Failure = failure } : reader.Complete();
    }
}

/// <summary>Decodes an encoded response for its reader. Cloud models encode theirs for clients that accept it.</summary>
internal sealed class DecodedResponseReader(IResponseReader reader, BodyDecoder decoder) : IResponseReader
{
    public int Pieces => reader.Pieces;

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        decoder.Push(bytes);
        for (var decoded = decoder.Read(); !decoded.IsEmpty; decoded = decoder.Read())
        {
            reader.Read(decoded, timestamp);
        }
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        decoder.Dispose();
        var facts = reader.Complete(timeProvider, ended);
        // Damage after the terminator loses no facts.
        return decoder.Failure is { } failure && !facts.Terminated ? ResponseFacts.Unread(failure, facts.Error) : facts;
    }
}
