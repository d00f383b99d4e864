using System.Text.Json;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Asks Ollama for the token counts of an OpenAI stream whose client did not (<c>PROXY_INJECT_USAGE</c>, off by default): the one place where a request is
/// changed on its way. <see cref="UsageFilter"/> takes the extra event out again.
/// </summary>
internal static class UsageRequest
{
    /// <summary>A larger body passes as it is: it would have to be held whole.</summary>
    private const int MaxBody = 32 * 1024 * 1024;

    private static ReadOnlySpan<byte> Member => ",\"stream_options\":{\"include_usage\":true}"u8;

    /// <summary>Reads the body and puts one in its place that asks for the counts, where that makes a difference; true when it did.</summary>
    public static async Task<bool> RewriteAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentLength > MaxBody || request.Headers.ContentEncoding.Count > 0)
        {
            return false;
        }

        var original = request.Body;
        var held = new MemoryStream();
        var buffer = new byte[16 * 1024];
        var read = 0;
        while (held.Length <= MaxBody && (read = await original.ReadAsync(buffer, context.RequestAborted)) > 0)
        {
            held.Write(buffer, 0, read);
        }

        // A long history takes a while to be read: not on a thread that carries others' tokens.
        await Task.Yield();
        var isWhole = read == 0;
        var body = held.GetBuffer().AsMemory(0, (int)held.Length);
        var rewritten = isWhole ? Rewrite(body.Span) : null;
        request.Body = rewritten is null ? new ConcatenatedStream(body, isWhole ? Stream.Null : original) : new MemoryStream(rewritten);
        if (rewritten is not null && request.ContentLength is not null)
        {
            request.ContentLength = rewritten.Length;
        }

        return rewritten is not null;
    }

    /// <summary>The body with the wish added; null when there is no stream, the wish is there already, or it is no JSON object.</summary>
    internal static byte[]? Rewrite(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Disallow, MaxDepth = 1_000 });
        var (isStream, hasUsage) = (false, false);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                // As Go reads keys: in any case, and the last one counts.
                var name = reader.GetString()!;
                reader.Read();
                if (name.Equals("stream", StringComparison.OrdinalIgnoreCase))
                {
                    isStream = reader.TokenType == JsonTokenType.True;
                }

                hasUsage |= name.Equals("stream_options", StringComparison.OrdinalIgnoreCase) && AsksForUsage(ref reader);
                reader.Skip();
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }

        if (!isStream || hasUsage || reader.TokenType != JsonTokenType.EndObject)
        {
            return null;
        }

        // At the end, where it wins over a false of the client's, and before bytes behind the object, which Ollama ignores.
        var end = (int)reader.TokenStartIndex;
        return [.. body[..end], .. Member, .. body[end..]];
    }

    private static bool AsksForUsage(ref Utf8JsonReader reader)
    {
        var asks = false;
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                if (name.Equals("include_usage", StringComparison.OrdinalIgnoreCase))
                {
                    asks = reader.TokenType == JsonTokenType.True;
                }

                reader.Skip();
            }
        }

        return asks;
    }

    /// <summary>What was read already, then the rest.</summary>
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
