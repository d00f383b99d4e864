using System.Diagnostics;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Load;

/// <summary>The figures of all streams of a measurement.</summary>
internal sealed class StreamFigures
{
    /// <summary>The times from the sending of a token to its reading.</summary>
    public List<long> Delays { get; } = new(1 << 17);

    /// <summary>The times from the due time of a stream to its first token.</summary>
    public List<long> FirstTokens { get; } = new(1 << 12);

    public bool KeepDelays { get; set; } = true;

    public long Tokens { get; set; }

    /// <summary>The number of chunks that did not hold exactly one line.</summary>
    public long Moved { get; set; }

    /// <summary>The number of streams that ended with their last line and the right checksum.</summary>
    public int Whole { get; set; }

    public int Ended { get; set; }
}

/// <summary>Reads a token stream: when each token arrived, whether the chunks are those that were sent, and whether every byte is right.</summary>
internal sealed class TokenStream(Phase phase, int port, StreamFigures figures, Action<TokenStream> ended) : ClientConnection(phase, port)
{
    private readonly byte[] _line = new byte[1024];
    private int _length;
    private int _linesInChunk;
    private uint _crc;
    private bool _isWhole;
    private bool _hasFirst;
    private long _due;
    private bool _running;

    public void Begin(ReadOnlySpan<byte> request, long due)
    {
        (_length, _linesInChunk, _crc, _isWhole, _hasFirst, _due, _running) = (0, 0, 0, false, false, due, true);
        SendSmall(request);
    }

    public override void Data(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var end = data.IndexOf((byte)'\n');
            var part = end < 0 ? data : data[..(end + 1)];
            data = data[part.Length..];
            if (end >= 0 && _length == 0)
            {
                Line(part);
            }
            else if (_length + part.Length > _line.Length)
            {
                Phase.Errors++;
                _length = 0;
            }
            else
            {
                part.CopyTo(_line.AsSpan(_length));
                _length += part.Length;
                if (end >= 0)
                {
                    Line(_line.AsSpan(0, _length));
                    _length = 0;
                }
            }
        }
    }

    public override void ChunkEnd()
    {
        figures.Moved += _linesInChunk == 1 && _length == 0 ? 0 : 1;
        _linesInChunk = 0;
    }

    public override void MessageEnd()
    {
        figures.Whole += _isWhole ? 1 : 0;
        End();
    }

    protected override void Lost(bool betweenMessages)
    {
        if (_running)
        {
            End();
        }
    }

    private void Line(ReadOnlySpan<byte> line)
    {
        _linesInChunk++;
        if (TokenLine.TimeOf(line) is { } sentAt)
        {
            if (!_hasFirst)
            {
                _hasFirst = true;
                figures.FirstTokens.Add(ReadAt - _due);
            }

            figures.Tokens++;
            if (figures.KeepDelays)
            {
                figures.Delays.Add(ReadAt - sentAt);
            }

            _crc = Crc32C.Append(_crc, line);
        }
        else
        {
            _isWhole = TokenLine.CrcOf(line) == _crc;
        }
    }

    private void End()
    {
        _running = false;
        figures.Ended++;
        ended(this);
    }
}
