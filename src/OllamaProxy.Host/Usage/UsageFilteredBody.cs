using System.Globalization;
using System.Text;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.Host.Usage;

/// <summary>
/// The response body from which <see cref="UsageFilter"/> removes the token counts, chunk by chunk, so chunk boundaries stay. The relay writes to it as to the
/// client.
/// </summary>
internal sealed class UsageFilteredBody : Stream
{
    private const int MostHeld = 32 * 1024;

    private readonly HttpResponse _response;
    private readonly Stream _client;
    private readonly UsageFilter _filter = new();
    private ChunkScanner _chunks;
    private bool _isFiltering;

    /// <summary>True when Ollama framed the body in chunks. Otherwise Kestrel frames it and sets the header itself.</summary>
    private bool _isChunked;

    private UsageFilteredBody(HttpResponse response) => (_response, _client) = (response, response.Body);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Installs the filter. It filters only a response that is an unencoded event stream.</summary>
    public static UsageFilteredBody Install(HttpResponse response)
    {
        var body = new UsageFilteredBody(response);
        response.OnStarting(
            static state =>
            {
                ((UsageFilteredBody)state).Decide();
                return Task.CompletedTask;
            },
            body);
        response.Body = body;
        return body;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_response.HasStarted)
        {
            await _response.StartAsync(cancellationToken);
        }

        if (!_isFiltering)
        {
            await _client.WriteAsync(buffer, cancellationToken);
            return;
        }

        while (!buffer.IsEmpty && !_chunks.Ended)
        {
            var (passed, data) = (buffer.Length, buffer.Length);
            if (_isChunked)
            {
                passed = _chunks.Next(buffer.Span, out data);
            }

            _filter.Read(buffer.Span.Slice(passed - data, data));
            if (!_chunks.IsInside || _filter.Passed.Length > MostHeld)
            {
                await WritePassedAsync(cancellationToken);
            }

            buffer = buffer[passed..];
        }

        if (_chunks.Ended)
        {
            await FinishAsync(cancellationToken);
            await _client.WriteAsync("0\r\n\r\n"u8.ToArray(), cancellationToken);
        }
    }

    /// <summary>Writes the rest that the filter holds, after the stream has ended or was cut.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        if (_isFiltering)
        {
            _filter.Finish();
            await WritePassedAsync(cancellationToken);
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => _client.FlushAsync(cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => throw new NotSupportedException("This stream is written asynchronously.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("This stream is written asynchronously.");

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void Decide()
    {
        var headers = _response.Headers;
        _isFiltering = BodyDecoder.EncodingsOf(headers.ContentEncoding).Length == 0
            && new Application.Protocols.ResponseHead(_response.StatusCode, headers.ContentType, 0).IsEventStream;
        _isChunked = headers.TransferEncoding.Count > 0;
        if (_isFiltering)
        {
            // The response becomes shorter than announced.
            headers.ContentLength = null;
        }
    }

    /// <summary>Writes the data in a chunk of its own. Without data it writes nothing, because an empty chunk would end the body.</summary>
    private async ValueTask WritePassedAsync(CancellationToken cancellationToken)
    {
        var data = _filter.Passed;
        if (data.IsEmpty)
        {
            return;
        }

        if (_isChunked)
        {
            data = (byte[])[.. Encoding.ASCII.GetBytes(data.Length.ToString("x", CultureInfo.InvariantCulture)), .. "\r\n"u8, .. data.Span, .. "\r\n"u8];
        }

        await _client.WriteAsync(data, cancellationToken);
        _filter.Sent();
    }
}
