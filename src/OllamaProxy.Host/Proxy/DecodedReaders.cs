using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Proxy;

/// <summary>Lets a reader see a compressed request as if it were not.</summary>
internal sealed class DecodedRequestReader(IRequestReader reader, BodyDecoder decoder) : IRequestReader
{
    private readonly byte[] _buffer = new byte[DecodedResponseReader.BufferSize];

    public string? Model => reader.Model;

    public void Read(ReadOnlySpan<byte> bytes)
    {
        decoder.Push(bytes);
        for (var length = decoder.Read(_buffer); length > 0; length = decoder.Read(_buffer))
        {
            reader.Read(_buffer.AsSpan(0, length));
        }
    }

    public RequestFacts Complete()
    {
        decoder.Dispose();
        return reader.Complete();
    }
}

/// <summary>Lets a reader see a compressed answer as if it were not: those of cloud models are, for clients that accept it.</summary>
internal sealed class DecodedResponseReader(IResponseReader reader, BodyDecoder decoder) : IResponseReader
{
    public const int BufferSize = 8 * 1024;

    private readonly byte[] _buffer = new byte[BufferSize];

    public int Pieces => reader.Pieces;

    public void Read(ReadOnlySpan<byte> bytes, long timestamp)
    {
        decoder.Push(bytes);
        for (var length = decoder.Read(_buffer); length > 0; length = decoder.Read(_buffer))
        {
            reader.Read(_buffer.AsSpan(0, length), timestamp);
        }
    }

    public ResponseFacts Complete(TimeProvider timeProvider, bool ended)
    {
        decoder.Dispose();
        return reader.Complete(timeProvider, ended);
    }
}
