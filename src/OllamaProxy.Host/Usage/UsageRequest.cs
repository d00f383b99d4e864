using System.Buffers;
using System.Text.Json;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Usage;

/// <summary>
/// Requests the token counts of an OpenAI stream whose client did not (<c>PROXY_INJECT_USAGE</c>, off by default). No other code changes the body of a request.
/// <see cref="UsageFilter"/> removes the counts from the response.
/// </summary>
internal static class UsageRequest
{
    /// <summary>A larger body is forwarded unchanged, because rewriting buffers the whole body.</summary>
    private const int MaxBody = 32 * 1024 * 1024;

    /// <summary>Replaces the body by one that requests the counts. Returns false when it left the body unchanged.</summary>
    public static async Task<bool> RewriteAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var request = context.Request;
        if (request.ContentLength > MaxBody || BodyDecoder.EncodingsOf(request.Headers.ContentEncoding).Length > 0)
        {
            return false;
        }

        var original = request.Body;
        var held = new MemoryStream();
        var buffer = new byte[16 * 1024];
        var read = 0;
        var ahead = exchange.Observation.BytesAhead;
        try
        {
            while (held.Length <= MaxBody && (read = await original.ReadAsync(buffer, context.RequestAborted)) > 0)
            {
                held.Write(buffer, 0, read);
                var known = (int)Math.Min(ahead, read);
                ahead -= known;
                exchange.Observation.ObserveRequest(new ReadOnlySequence<byte>(buffer, known, read - known));
            }
        }
        catch (Exception exception)
        {
            exchange.FailRequest(exception);
            throw;
        }

        // Parsing a long history takes time, so it must not run on a socket thread.
        await Task.Yield();
        var isWhole = read == 0;
        var body = held.GetBuffer().AsMemory(0, (int)held.Length);
        var rewritten = isWhole ? Rewrite(body.Span) : null;
        // The record describes the client's body, which was observed as it was read.
        exchange.Observation.BytesAhead = rewritten is null ? body.Length : long.MaxValue;
        request.Body = rewritten is null ? new ConcatenatedStream(body, isWhole ? Stream.Null : original) : new MemoryStream(rewritten);
        if (rewritten is null)
        {
            return false;
        }

        if (request.ContentLength is not null)
        {
            request.ContentLength = rewritten.Length;
        }

        if (request.Headers.AcceptEncoding.Count > 0)
        {
            // The filter cannot change an encoded response.
            request.Headers.AcceptEncoding = "identity";
        }

        return true;
    }

    /// <summary>Returns the body with a request for the counts; null when it has one, asks for no stream, or is invalid.</summary>
    internal static byte[]? Rewrite(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Disallow, MaxDepth = 1_000 });
        var isStream = false;
        var options = new StreamOptions();
        var end = 0;
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                // In Go, keys match in any case, the last of several wins, and null changes nothing.
                var name = reader.GetString()!;
                reader.Read();
                if (name.Equals("stream", StringComparison.OrdinalIgnoreCase))
                {
                    isStream = reader.TokenType == JsonTokenType.True || (isStream && reader.TokenType == JsonTokenType.Null);
                }
                else if (name.Equals("stream_options", StringComparison.OrdinalIgnoreCase))
                {
                    options.Read(ref reader);
                }

                reader.Skip();
                end = (int)reader.BytesConsumed;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }

        if (!isStream || reader.TokenType != JsonTokenType.EndObject || options is { Asks: true } or { IsWrong: true })
        {
            return null;
        }

        return options.Edit is { } edit
            ? [.. body[..edit.Start], .. options.Text, .. body[edit.End..]]
            : [.. body[..end], .. ",\"stream_options\":{\"include_usage\":true}"u8, .. body[end..]];
    }

    /// <summary>The <c>stream_options</c> of a request: whether they request the counts, and the edit that adds the request.</summary>
    private ref struct StreamOptions
    {
        public bool Asks { get; private set; }

        /// <summary>True for a value that Ollama rejects: the request must get the same error as without the proxy.</summary>
        public bool IsWrong { get; private set; }

        /// <summary>The bytes that <see cref="Text"/> replaces; null without a member to edit.</summary>
        public (int Start, int End)? Edit { get; private set; }

        public ReadOnlySpan<byte> Text { get; private set; }

        /// <summary>Reads one <c>stream_options</c> member; Go merges several into one.</summary>
        public void Read(ref Utf8JsonReader reader)
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.Null:
                    Asks = false;
                    Edit = ((int)reader.TokenStartIndex, (int)reader.BytesConsumed);
                    Text = "{\"include_usage\":true}"u8;
                    break;
                case JsonTokenType.StartObject:
                    ReadMembers(ref reader);
                    break;
                default:
                    IsWrong = true;
                    break;
            }
        }

        private void ReadMembers(ref Utf8JsonReader reader)
        {
            var inside = (int)reader.BytesConsumed;
            var isEmpty = true;
            (int Start, int End)? value = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                isEmpty = false;
                var isUsage = reader.GetString()!.Equals("include_usage", StringComparison.OrdinalIgnoreCase);
                reader.Read();
                var (type, start) = (reader.TokenType, (int)reader.TokenStartIndex);
                reader.Skip();
                if (isUsage)
                {
                    Asks = type == JsonTokenType.True || (Asks && type == JsonTokenType.Null);
                    IsWrong |= type is not (JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null);
                    value = (start, (int)reader.BytesConsumed);
                }
            }

            Edit = value ?? (inside, inside);
            Text = value is not null ? "true"u8 : isEmpty ? "\"include_usage\":true"u8 : "\"include_usage\":true,"u8;
        }
    }

    /// <summary>Reads the bytes that were already read, then the rest.</summary>
    private sealed class ConcatenatedStream(ReadOnlyMemory<byte> first, Stream rest) : ReadOnlyStream
    {
        private ReadOnlyMemory<byte> _first = first;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_first.IsEmpty)
            {
                return rest.ReadAsync(buffer, cancellationToken);
            }

            var length = Math.Min(buffer.Length, _first.Length);
            _first[..length].CopyTo(buffer);
            _first = _first[length..];
            return ValueTask.FromResult(length);
        }
    }
}
