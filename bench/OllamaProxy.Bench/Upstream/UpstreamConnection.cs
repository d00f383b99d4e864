using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using OllamaProxy.Bench.Sockets;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Upstream;

/// <summary>One connection of the upstream: answers small requests at once, streams tokens, and reads uploads.</summary>
internal sealed class UpstreamConnection : IReady, IMessageSink
{
    private enum Answer
    {
        Version,
        Greeting,
        Nothing,
        Chat,
        Upload,
        Log,
    }

    /// <summary>The tokens sent on one stream before the others get their turn.</summary>
    private const int Burst = 16;

    private static readonly byte[] s_version = Json("""{"version":"0.32.15"}""");
    private static readonly byte[] s_greeting = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nContent-Length: 17\r\n\r\nOllama is running");
    private static readonly byte[] s_nothing = Json("""{"models":[]}""");
    private static readonly byte[] s_chat = Json(
        """{"model":"llama3.2:3b","created_at":"2026-11-24T10:00:00.123456789Z","message":{"role":"assistant","content":"""
        + "\"The sky is blue because the air scatters short waves of light more than long ones. In the evening "
        + "the light's way through the air is longer, and what is left of it is red.\""
        + """},"done_reason":"stop","done":true,"total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26"""
        + ""","prompt_eval_duration":342546000,"eval_count":282,"eval_duration":4535599000}""");
    private static readonly byte[] s_streamHead = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n");

    private readonly UpstreamServer _server;
    private readonly int _fd;
    private readonly HttpParser _parser;
    private readonly Action _due;
    private readonly byte[] _chunk = TokenLine.NewChunk();
    private byte[] _pending = [];
    private Answer _answer;
    private Instructions _wanted;
    private StreamLog? _log;
    private bool _streaming;
    private bool _closed;
    private bool _isHttp10;
    private int _token;
    private long _begun;
    private uint _crc;
    private long _received;

    public UpstreamConnection(UpstreamServer server, int fd)
    {
        (_server, _fd) = (server, fd);
        _parser = new HttpParser(this, isResponse: false);
        _due = Due;
    }

    public void Ready(bool readable, bool writable)
    {
        if (readable)
        {
            var read = Tcp.Receive(_fd, _server.Buffer);
            if (read is Tcp.Ended or Tcp.Broken)
            {
                Close();
                return;
            }

            if (read > 0)
            {
                _parser.Feed(_server.Buffer.AsSpan(0, read));
            }
        }

        if (writable && !_closed && Flush() && _streaming && _wanted.Rate <= 0)
        {
            SendBurst();
        }
    }

    public void Head(ReadOnlySpan<byte> head)
    {
        (_crc, _received) = (0, 0);
        var target = head[(head.IndexOf((byte)' ') + 1)..];
        target = target[..target.IndexOf((byte)' ')];
        _answer =
            target.SequenceEqual("/api/version"u8) ? Answer.Version :
            target.SequenceEqual("/api/chat"u8) ? Answer.Chat :
            target.StartsWith("/api/blobs/"u8) ? Answer.Upload :
            target.StartsWith("/bench/"u8) ? Answer.Log :
            target.SequenceEqual("/"u8) ? Answer.Greeting : Answer.Nothing;
        _isHttp10 = head[..head.IndexOf((byte)'\r')].EndsWith("HTTP/1.0"u8);
        _wanted = Instructions.Of(head);
        if (_answer == Answer.Log && Utf8Parser.TryParse(target["/bench/".Length..], out int id, out _))
        {
            _wanted = _wanted with { Id = id };
        }
    }

    public void Data(ReadOnlySpan<byte> data)
    {
        if (_answer == Answer.Upload)
        {
            _crc = Crc32C.Append(_crc, data);
            _received += data.Length;
        }
    }

    public void ChunkEnd()
    {
    }

    public void MessageEnd()
    {
        switch (_answer)
        {
            case Answer.Chat when _wanted.Tokens > 0:
                BeginStream();
                break;
            case Answer.Upload:
                Send(Encoding.ASCII.GetBytes(string.Create(
                    CultureInfo.InvariantCulture, $"HTTP/1.1 201 Created\r\nBench-Crc: {_crc:x8}\r\nBench-Bytes: {_received}\r\nContent-Length: 0\r\n\r\n")));
                break;
            case Answer.Log:
                var log = _server.LogOf(_wanted.Id);
                Send(Json(string.Create(CultureInfo.InvariantCulture, $"{log.BytesSent} {log.ClosedAt}")));
                break;
            default:
                Send(_answer switch { Answer.Version => s_version, Answer.Greeting => s_greeting, Answer.Chat => s_chat, _ => s_nothing });
                break;
        }

        if (_isHttp10 && !_streaming)
        {
            Close();
        }
    }

    /// <summary>Sends the next token of a paced stream. Due times count from the start of the stream, so a late token does not delay later ones.</summary>
    private void Due()
    {
        if (_closed || !_streaming)
        {
            return;
        }

        if (SendNext() && _streaming)
        {
            _server.Loop.At(_begun + (long)_token * Stopwatch.Frequency / _wanted.Rate, _due);
        }
    }

    private void BeginStream()
    {
        (_streaming, _token, _crc, _begun) = (true, 0, 0, Stopwatch.GetTimestamp());
        _log = _wanted.Id > 0 ? _server.LogOf(_wanted.Id) : null;
        if (_wanted.Rate > 0)
        {
            Due();
        }
        else
        {
            _server.Loop.Want(_fd, write: true);
        }
    }

    private void SendBurst()
    {
        for (var count = 0; count < Burst && _streaming && _pending.Length == 0 && SendNext(); count++)
        {
        }

        if (!_streaming && !_closed)
        {
            _server.Loop.Want(_fd, write: _pending.Length > 0);
        }
    }

    /// <summary>Sends a token or the end. As in Ollama, the head of a response is sent with its first token. False if the connection is broken.</summary>
    private bool SendNext()
    {
        if (_token == _wanted.Tokens)
        {
            _streaming = false;
            return Send(TokenLine.LastChunk(_token, _crc));
        }

        if (_wanted.Rate < 0)
        {
            _server.Engine.Compute();
        }

        var line = TokenLine.LineOf(_chunk);
        TokenLine.Stamp(line, Stopwatch.GetTimestamp());
        _crc = Crc32C.Append(_crc, line);
        return _token++ == 0 ? Send([.. s_streamHead, .. _chunk]) : Send(_chunk);
    }

    /// <summary>Sends as many bytes as the kernel takes, and the rest when it is writable.</summary>
    private bool Send(ReadOnlySpan<byte> bytes)
    {
        if (_pending.Length > 0)
        {
            _pending = [.. _pending, .. bytes];
            return true;
        }

        var sent = Tcp.Send(_fd, bytes);
        if (sent == Tcp.Broken)
        {
            Close();
            return false;
        }

        Count(sent);
        if (Math.Max(sent, 0) < bytes.Length)
        {
            _pending = bytes[Math.Max(sent, 0)..].ToArray();
            _server.Loop.Want(_fd, write: true);
        }

        return true;
    }

    /// <summary>True once no bytes are pending.</summary>
    private bool Flush()
    {
        if (_pending.Length == 0)
        {
            return true;
        }

        var sent = Tcp.Send(_fd, _pending);
        if (sent == Tcp.Broken)
        {
            Close();
            return false;
        }

        Count(sent);
        _pending = _pending[Math.Max(sent, 0)..];
        if (_pending.Length == 0 && !(_streaming && _wanted.Rate <= 0))
        {
            _server.Loop.Want(_fd, write: false);
        }

        return _pending.Length == 0;
    }

    private void Count(int sent)
    {
        if (_log is not null && sent > 0)
        {
            _log.BytesSent += sent;
        }
    }

    private void Close()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        if (_streaming && _log is not null)
        {
            _log.ClosedAt = Stopwatch.GetTimestamp();
        }

        _server.Loop.Remove(_fd);
        Tcp.Close(_fd);
    }

    private static byte[] Json(string body) => Encoding.ASCII.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\n"
            + $"Content-Length: {body.Length}\r\n\r\n{body}"));
}
