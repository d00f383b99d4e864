using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Threading;

namespace OllamaProxy.Host.Upstream;

/// <summary>
/// Sends one request to Ollama: the head, then the body from Kestrel's own buffers as the client sends it, so memory does not grow with an upload. A reader
/// observes each part. The response is read meanwhile, so sending may be stopped at any time.
/// </summary>
internal sealed class RequestSender
{
    /// <summary>
    /// A client that expects <c>100 Continue</c> may send its body without it (RFC 9110, section 10.1.1), and Kestrel does not report that. So the body is read
    /// after this time, which curl and Go wait, too.
    /// </summary>
    private static readonly TimeSpan s_continueLimit = TimeSpan.FromSeconds(1);

    private static readonly byte[] s_lineBreak = "\r\n"u8.ToArray();

    private readonly HttpContext _context;
    private readonly ExchangeInProgress _exchange;
    private readonly HostRules _rules;
    private readonly PipeReader? _body;
    private readonly bool _isChunked;
    private readonly TaskCompletionSource? _continue;
    private Fairness _fairness;

    /// <summary>Bytes that were read and not returned to Kestrel yet.</summary>
    private ReadResult? _read;

    /// <summary>Unread bytes that <see cref="Admission.BodyArrival"/> has already observed.</summary>
    private long _ahead;
    private bool _hasConsumed;
    private bool _hasAll;
    private bool _isReading;
    private bool _isStopped;
    private bool _isUpload;

    public RequestSender(HttpContext context, ExchangeInProgress exchange, HostRules rules)
    {
        (_context, _exchange, _rules) = (context, exchange, rules);
        _isChunked = context.Request.Headers.TransferEncoding.Count > 0;
        _ahead = exchange.Observation.BytesAhead;
        if (_isChunked || context.Request.ContentLength > 0)
        {
            _body = context.Request.BodyReader;
            // An inference's client got its 100 Continue before it waited for a slot.
            _continue = context.Request.Headers.Expect.Count > 0 && !exchange.NeedsSlot ? new(TaskCreationOptions.RunContinuationsAsynchronously) : null;
        }
    }

    public ExchangeTimings Timings => _exchange.Timings;

    public Uri Backend => _rules.Backend;

    /// <summary>True for HEAD in capitals only: for Ollama, methods are case-sensitive.</summary>
    public bool IsHead => _context.Request.Method == HttpMethods.Head;

    /// <summary>True when Ollama may keep the connection after this request.</summary>
    public bool KeepsConnection =>
        !HttpProtocol.IsHttp10(_context.Request.Protocol)
        && !_context.Request.Headers.Connection.ToString().Contains("close", StringComparison.OrdinalIgnoreCase);

    /// <summary>True while the request can be sent once more, because no part of its body was returned to Kestrel.</summary>
    public bool MayRepeat => !_hasConsumed && !_isStopped && ClientFault is null;

    /// <summary>Why the client's body could not be read; null without a fault.</summary>
    public Exception? ClientFault { get; private set; }

    public async Task SendAsync(UpstreamConnection connection)
    {
        var head = RequestHeadWriter.Write(_context, _exchange, _rules);
        try
        {
            if (_body is null)
            {
                await connection.SendAsync(head);
            }
            else
            {
                await SendBodyAsync(connection, _body, head);
            }

            _exchange.EndRequest();
        }
        catch when (ClientFault is not null)
        {
            // No response is needed any more.
            connection.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(head.Array!);
            if (_isUpload)
            {
                _isUpload = false;
                WideBlocks.EndUpload();
            }
        }
    }

    /// <summary>Ollama asks for the body.</summary>
    public void Continue() => _continue?.TrySetResult();

    /// <summary>Ends the sending and the connection. Bytes that were read stay until <see cref="Release"/>, so they can be sent again.</summary>
    public async ValueTask StopAsync(Task sending, UpstreamConnection connection)
    {
        // This ends a pending send. A sender that has read the whole body does nothing else.
        connection.Dispose();
        var hasCancelled = false;
        if (!sending.IsCompleted && !Volatile.Read(ref _hasAll))
        {
            Volatile.Write(ref _isStopped, true);
            _continue?.TrySetResult();
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _isReading))
            {
                hasCancelled = true;
                _body!.CancelPendingRead();
            }
        }

        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!hasCancelled || ClientFault is not null)
        {
            return;
        }

        var wasCancelled = _read is { IsCanceled: true };
        Release();
        // A cancellation that met no read would end Kestrel's next read, which may belong to the next request.
        if (!wasCancelled && _body!.TryRead(out var rest))
        {
            _body.AdvanceTo(rest.Buffer.Start);
        }
    }

    /// <summary>Returns the bytes that were read to Kestrel.</summary>
    public void Release()
    {
        if (_read is { } read)
        {
            _read = null;
            _hasConsumed = true;
            _body!.AdvanceTo(read.Buffer.End);
        }
    }

    private async Task SendBodyAsync(UpstreamConnection connection, PipeReader body, ReadOnlyMemory<byte> head)
    {
        if (_continue is not null)
        {
            await connection.SendAsync(head);
            head = default;
            await _continue.Task.WaitAsync(s_continueLimit, _exchange.Timings.Clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // When the request is sent again, the bytes of the first time are still unreturned.
        while (true)
        {
            if (_read is null)
            {
                var reading = ReadAsync(body);
                if (!reading.IsCompleted && !head.IsEmpty)
                {
                    await connection.SendAsync(head);
                    head = default;
                }

                _read = await reading;
                Volatile.Write(ref _hasAll, _read.Value.IsCompleted);
            }

            var (bytes, isLast) = (_read.Value.Buffer, _read.Value.IsCompleted);
            await (_isChunked ? SendChunkAsync(connection, head, bytes, isLast) : connection.SendAsync(head, bytes));
            head = default;
            if (isLast)
            {
                return;
            }

            // Counted before the release, which takes the segments away from these bytes.
            var isTurnOver = _fairness.IsTurnOver((int)bytes.Length);
            Release();
            if (isTurnOver)
            {
                if (!_isUpload)
                {
                    _isUpload = true;
                    WideBlocks.BeginUpload();
                }

                await Task.Yield();
            }
        }
    }

    private ValueTask SendChunkAsync(UpstreamConnection connection, ReadOnlyMemory<byte> head, ReadOnlySequence<byte> data, bool isLast)
    {
        if (data.IsEmpty)
        {
            return connection.SendAsync(head, default, isLast ? LastChunk() : default);
        }

        head = (byte[])[.. head.Span, .. Encoding.ASCII.GetBytes($"{data.Length:x}\r\n")];
        return connection.SendAsync(head, data, isLast ? [.. s_lineBreak, .. LastChunk()] : s_lineBreak);
    }

    private byte[] LastChunk()
    {
        var trailers = _context.Features.Get<IHttpRequestTrailersFeature>() is { Available: true } feature ? feature.Trailers : new HeaderDictionary();
        var lines = trailers.SelectMany(static trailer => trailer.Value, static (trailer, value) => $"{trailer.Key}: {value}\r\n");
        return Encoding.Latin1.GetBytes($"0\r\n{string.Concat(lines)}\r\n");
    }

    private async ValueTask<ReadResult> ReadAsync(PipeReader body)
    {
        Volatile.Write(ref _isReading, true);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isStopped))
        {
            throw new OperationCanceledException("Ollama's response ended before the request.");
        }

        _exchange.Upload?.BeginWait();
        ReadResult result;
        try
        {
            result = await body.ReadAsync();
        }
        catch (Exception exception)
        {
            _exchange.FailRequest(exception);
            ClientFault = exception;
            _exchange.Upload?.EndWait(0);
            throw;
        }

        _exchange.Upload?.EndWait((int)result.Buffer.Length);
        Volatile.Write(ref _isReading, false);
        if (result.IsCanceled)
        {
            _read = result;
            var stopped = new OperationCanceledException("The request's body is not read any more.");
            ClientFault = _isStopped ? null : stopped;
            throw stopped;
        }

        if (_exchange.Observation.DecodesRequest)
        {
            await Task.Yield();
        }

        var known = Math.Min(_ahead, result.Buffer.Length);
        _ahead -= known;
        _exchange.Observation.ObserveRequest(result.Buffer.Slice(known));
        return result;
    }
}
