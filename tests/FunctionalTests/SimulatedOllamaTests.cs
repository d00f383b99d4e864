using System.Text;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// Compares the simulated Ollama with the recordings of the real one. Excluded are recordings whose bytes come from real weights or files (sizes, digests,
/// numbers of embeddings, the tensors of <c>show</c>), the registry's network errors (66, 67), pages for cloud and account (68, 69, 79), audio (49), what the
/// transport does with broken HTTP (76), load failures (87), disconnects and kills (80 to 84), which are timing.
/// </summary>
public sealed class SimulatedOllamaTests
{
    /// <summary>Same status, same headers, same bytes.</summary>
    public static TheoryData<string> Exact => new(
        "01-root-get", "02-root-head", "03-version", "03b-version-head", "05-ps-before-load", "05b-status", "06d-show-404", "06e-show-no-model",
        "19a-generate-unknown-model", "19b-generate-malformed-json", "19c-generate-no-model", "19d-generate-empty-body", "19e-generate-bad-type",
        "19f-generate-bad-option",
        "19g-generate-bad-model-name", "19h-generate-get", "19k-generate-think-unsupported", "19m-generate-images", "28-chat-images",
        "28b-chat-tools-unsupported",
        "29a-chat-unknown-model", "29b-chat-malformed", "29c-chat-no-model", "29e-chat-on-embed-model", "31c-embed-empty", "33-embed-generation-model",
        "33b-embed-unknown",
        "33c-embed-bad-input", "33d-embed-too-long-no-truncate", "44a-v1-chat-unknown-model", "44b-v1-chat-malformed", "44c-v1-chat-no-model",
        "44d-v1-chat-no-messages",
        "44g-v1-chat-image", "46c-v1-completions-404", "47c-v1-embeddings-404", "47d-v1-embeddings-empty", "48c-v1-model-404", "51b-v1-responses-unknown-model",
        "54-v1-messages-count-tokens", "60-copy", "60b-copy-404", "61b-delete-404", "61c-delete-post", "63d-blob-bad-name", "65e-create-nothing",
        "70-unknown-path", "70b-unknown-api", "70c-unknown-v1", "70d-double-slash", "70e-trailing-slash", "70f-case", "71-options-origin-allowed",
        "72-options-origin-denied",
        "72c-get-origin-denied", "72d-options-no-origin", "72f-get-origin-extension", "72g-get-origin-null", "73-host-evil", "73b-host-localhost",
        "73c-host-internal",
        "73d-host-private-ip", "73e-host-public-ip", "73f-host-evil-options", "75-connection-close", "79b-head-ps", "79c-post-trailing-slash");

    /// <summary>Same status and headers; the JSON has the same keys, line by line.</summary>
    public static TheoryData<string> SameShape => new(
        "10-generate-load-empty-prompt", "12-generate-stream", "13-generate-nostream", "18-generate-unload", "19o-generate-trailing-garbage", "20-chat-stream",
        "21-chat-nostream",
        "23-chat-think-stream", "24-chat-tools-stream", "25-chat-tools-nostream", "28c-chat-no-messages", "30-embed", "32-embeddings", "40-v1-chat-stream",
        "41-v1-chat-stream-usage",
        "42-v1-chat-nostream", "42b-v1-chat-nostream-stop", "43b-v1-chat-tools-nostream", "45b-v1-completions-stream-usage", "46-v1-completions-nostream",
        "47-v1-embeddings",
        "48-v1-models", "48b-v1-model", "50-v1-responses-stream", "50c-v1-responses-tools-stream", "51-v1-responses-nostream", "52-v1-messages-stream",
        "53-v1-messages-nostream", "53b-v1-messages-unknown-model",
        "53c-v1-messages-no-max-tokens", "04-tags", "65c-create-nostream");

    [Theory]
    [MemberData(nameof(Exact))]
    public async Task A_response_without_generated_content_equals_the_recorded_one(string name)
    {
        var recording = Transcript.Load(name);

        var answer = await AskAsync(recording);

        AssertSameHead(recording, answer);
        Assert.Equal(Encoding.UTF8.GetString(recording.Response.Body), Encoding.UTF8.GetString(answer.Body));
    }

    [Theory]
    [MemberData(nameof(SameShape))]
    public async Task A_response_with_generated_content_has_the_recorded_shape(string name)
    {
        var recording = Transcript.Load(name);

        var answer = await AskAsync(recording);

        AssertSameHead(recording, answer);
        Assert.Equal(Shape(recording.Response.Body), Shape(answer.Body));
        if (recording.Response.Chunks.Count > 1)
        {
            Assert.Equal(recording.Response.Chunks.Count, answer.Chunks.Count);
        }
    }

    [Fact]
    public async Task Ps_lists_the_models_that_were_used()
    {
        await using var server = await SimulatedOllamaServer.StartAsync();
        using var client = new HttpClient { BaseAddress = server.Address };
        using var content = new StringContent("{\"model\":\"tiny\"}");
        using var loaded = await client.PostAsync(new Uri("/api/generate", UriKind.Relative), content);

        var ps = await client.GetByteArrayAsync(new Uri("/api/ps", UriKind.Relative));

        Assert.Equal(Shape(Transcript.Load("11-ps-after-load").Response.Body), Shape(ps));
    }

    [Fact]
    public async Task A_blob_is_accepted_only_with_its_own_digest()
    {
        await using var server = await SimulatedOllamaServer.StartAsync();
        using var client = new HttpClient { BaseAddress = server.Address };
        var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("abc"u8));
        using var right = new ByteArrayContent([.. "abc"u8]);
        using var wrong = new ByteArrayContent([.. "abd"u8]);

        using var refused = await client.PostAsync(new Uri($"/api/blobs/sha256:{digest}", UriKind.Relative), wrong);
        using var made = await client.PostAsync(new Uri($"/api/blobs/sha256:{digest}", UriKind.Relative), right);

        Assert.Equal(400, (int)refused.StatusCode);
        Assert.Equal(201, (int)made.StatusCode);
        Assert.Equal(digest, server.Received[1].BodySha256);
    }

    private static async Task<HttpMessage> AskAsync(Transcript recording)
    {
        await using var server = await SimulatedOllamaServer.StartAsync();
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(server.Address.Host, server.Address.Port);
        var stream = client.GetStream();
        var request = recording.RequestBytes;
        await stream.WriteAsync(request);
        // A half-close would count as a disconnect, so the response is read to the end of its framing.
        using var answer = new MemoryStream();
        using var patience = new CancellationTokenSource(Patience.Limit);
        var buffer = new byte[16_384];
        while (await stream.ReadAsync(buffer, patience.Token) is var read and > 0)
        {
            answer.Write(buffer, 0, read);
            var message = HttpMessage.Parse(answer.ToArray(), hasBody: recording.Method != "HEAD");
            if (message.StartLine.Length > 0 && message.IsWhole)
            {
                return message;
            }
        }

        return HttpMessage.Parse(answer.ToArray(), hasBody: recording.Method != "HEAD");
    }

    private static void AssertSameHead(Transcript recording, HttpMessage answer)
    {
        Assert.Equal(recording.Response.StartLine, answer.StartLine);
        Assert.Equal(Headers(recording.Response), Headers(answer));
    }

    /// <summary>The headers without Date and the length of generated content, which differ.</summary>
    private static string[] Headers(HttpMessage message) =>
    [
        .. from header in message.Headers
           where !header.Name.Equals("Date", StringComparison.OrdinalIgnoreCase)
           let isLength = header.Name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)
           let line = isLength && message.Status < 300 && header.Value != "0" ? "content-length: some" : header.Name.ToLowerInvariant() + ": " + header.Value
           orderby line
           select line,
    ];

    private static string[] Shape(byte[] body) =>
    [
        .. Encoding.UTF8.GetString(body).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
        {
            var json = line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : line;
            return json.StartsWith('{') ? Keys(JsonDocument.Parse(json).RootElement) : line;
        }),
    ];

    private static string Keys(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(",", element.EnumerateObject().Select(property => property.Name + ":" + Keys(property.Value))) + "}",
        JsonValueKind.Array when element.GetArrayLength() == 0 => "[]",
        JsonValueKind.Array => "[" + Keys(element[0]) + "]",
        JsonValueKind.True or JsonValueKind.False => "bool",
        var kind => kind.ToString(),
    };
}
