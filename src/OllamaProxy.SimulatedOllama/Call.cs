using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace OllamaProxy.SimulatedOllama;

/// <summary>A request, and the ways to respond to it.</summary>
internal sealed class Call(HttpContext context, ReceivedRequest received, string path)
{
    private const int GoBuffer = 2048;

    /// <summary>Go reads the rest of a body up to this length to keep the connection alive.</summary>
    private const int GoDrains = 256 * 1024;

    /// <summary>How long Go keeps a connection open while its client is still sending.</summary>
    private static readonly TimeSpan s_goWait = TimeSpan.FromMilliseconds(500);

    /// <summary>The path without its query.</summary>
    public string Path { get; } = path;

    public HttpRequest Request => context.Request;

    public HttpResponse Response => context.Response;

    public ReceivedRequest Received { get; } = received;

    public CancellationToken Aborted => context.RequestAborted;

    public Arguments Body { get; private set; } = Arguments.Empty;

    /// <summary>Reads the whole body as JSON.</summary>
    public async Task ReadAsync()
    {
        using var buffer = new MemoryStream();
        await Request.Body.CopyToAsync(buffer, Aborted);
        var bytes = buffer.ToArray();
        Received.BodyLength = bytes.Length;
        Received.BodySha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        Body = Arguments.Parse(bytes);
    }

    /// <summary>Sends one JSON response: with a length up to Go's buffer size, chunked beyond.</summary>
    public async Task JsonAsync(int status, string contentType, byte[] body, bool chunked = false)
    {
        Response.StatusCode = status;
        Response.ContentType = contentType;
        if (body.Length <= GoBuffer && !chunked)
        {
            Response.ContentLength = body.Length;
        }

        if (Request.Method != "HEAD")
        {
            await Response.Body.WriteAsync(body, Aborted);
        }
    }

    public Task NativeAsync(byte[] body, int status = 200) => JsonAsync(status, ContentTypes.Json, body);

    /// <summary>Sends an error in the native shape.</summary>
    public Task FailAsync(ApiFailure failure)
    {
        var body = NativeError(failure.Message);
        return JsonAsync(failure.Status, failure.DuringRun ? ContentTypes.PlainJson : ContentTypes.Json, body, failure.DuringRun);
    }

    public static byte[] NativeError(string message) => Json.Object(writer => writer.WriteString("error", message));

    public Task EmptyAsync(int status)
    {
        Response.StatusCode = status;
        Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    /// <summary>Responds without reading the body and closes, as Go's server does.</summary>
    public async Task EmptyBeforeBodyAsync(int status)
    {
        await EmptyAsync(status);
        if (Request.ContentLength <= GoDrains)
        {
            return;
        }

        Response.Headers.Connection = "close";
        await Response.StartAsync(Aborted);
        await Response.CompleteAsync();
        Received.IsAnswered = true;
        await Task.Delay(s_goWait, Aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        context.Abort();
    }

    public Task TextAsync(int status, string contentType, string text) => JsonAsync(status, contentType, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Sends one chunk at once; the first one sends the head.</summary>
    public async Task ChunkAsync(string contentType, ReadOnlyMemory<byte> bytes)
    {
        if (!Response.HasStarted)
        {
            Response.ContentType = contentType;
        }

        await Response.Body.WriteAsync(bytes, Aborted);
        await Response.Body.FlushAsync(Aborted);
    }

    public Task LineAsync(byte[] json) => ChunkAsync(ContentTypes.Lines, (byte[])[.. json, (byte)'\n']);
}

internal static class ContentTypes
{
    public const string Json = "application/json; charset=utf-8";
    public const string PlainJson = "application/json";
    public const string Lines = "application/x-ndjson";
    public const string Events = "text/event-stream";
    public const string Text = "text/plain";
}
