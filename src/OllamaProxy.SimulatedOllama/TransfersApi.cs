using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace OllamaProxy.SimulatedOllama;

/// <summary>Pull, push, create and blobs: status lines in a 200 stream, and uploads that are hashed as they arrive.</summary>
internal sealed partial class TransfersApi(Models models, SimulatedOllamaOptions options)
{
    private const string NoRegistry = "dial tcp: lookup registry.ollama.ai: no such host";
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);
    private readonly ConcurrentDictionary<string, long> _blobs = new(StringComparer.Ordinal);

    public async Task PullAsync(Call call)
    {
        await call.ReadAsync();
        var name = ModelsApi.NameOf(call);
        if (name.StartsWith("no-such", StringComparison.Ordinal))
        {
            await SendAsync(call, ["pulling manifest"],
                $"pull model manifest: Get \"https://registry.ollama.ai/v2/library/{name}/manifests/latest\": {NoRegistry}");
            return;
        }

        var model = models.Find(name) ?? new SimulatedModel(Models.Canonical(name));
        if (!call.Body.Flag("stream", true))
        {
            models.Add(model);
            await SendAsync(call, ["success"], null);
            return;
        }

        await call.LineAsync(Status("pulling manifest"));
        var digest = ModelsApi.Digest(model.Name);
        for (var part = 0; part <= 5; part++)
        {
            var completed = model.Size * part / 5;
            await call.LineAsync(Json.Object(writer =>
            {
                writer.WriteString("status", "pulling " + digest[..12]);
                writer.WriteString("digest", "sha256:" + digest);
                writer.WriteNumber("total", model.Size);
                if (completed > 0)
                {
                    writer.WriteNumber("completed", completed);
                }
            }));
            if (model.TokensPerSecond > 0)
            {
                await Task.Delay(s_pause, options.Time, call.Aborted);
            }
        }

        models.Add(model);
        await SendAsync(call, ["verifying sha256 digest", "writing manifest", "success"], null);
    }

    public static async Task PushAsync(Call call)
    {
        await call.ReadAsync();
        var name = ModelsApi.NameOf(call);
        var digest = ModelsApi.Digest(name);
        await SendAsync(call, ["retrieving manifest"],
            name.Contains('/', StringComparison.Ordinal) ? null : $"Head \"https://registry.ollama.ai/v2/library/{name}/blobs/sha256:{digest}\": {NoRegistry}");
    }

    public async Task CreateAsync(Call call)
    {
        await call.ReadAsync();
        var name = ModelsApi.NameOf(call);
        var from = call.Body.Text("from");
        if (from.Length == 0 && !call.Body.Has("files"))
        {
            throw new ApiFailure(400, "neither 'from' or 'files' was specified", duringRun: true);
        }

        if (from.Length == 0 && FirstFile(call.Body) is { } missing && !_blobs.ContainsKey(missing))
        {
            await SendAsync(call, ["parsing GGUF"], $"open /var/lib/ollama/models/blobs/{missing.Replace(':', '-')}: no such file or directory");
            return;
        }

        models.Add((models.Find(from) ?? new SimulatedModel(name)) with { Name = Models.Canonical(name) });
        var layer = "sha256:" + ModelsApi.Digest(name);
        await SendAsync(call, [$"using existing layer {layer}", $"creating new layer {layer}", "writing manifest", "success"], null);
    }

    public Task HeadBlobAsync(Call call)
    {
        var digest = Digest(call);
        if (_blobs.ContainsKey(digest))
        {
            call.Response.StatusCode = 200;
            return Task.CompletedTask;
        }

        throw new ApiFailure(404, $"blob \"{digest}\" not found");
    }

    /// <summary>Hashes while reading, so a body of any size takes no memory.</summary>
    public async Task PostBlobAsync(Call call)
    {
        var digest = Digest(call);
        if (_blobs.ContainsKey(digest))
        {
            await call.EmptyBeforeBodyAsync(200);
            return;
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(81_920);
        try
        {
            for (int read; (read = await call.Request.Body.ReadAsync(buffer, call.Aborted)) > 0;)
            {
                hash.AppendData(buffer, 0, read);
                call.Received.BodyLength += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        call.Received.BodySha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
        if ("sha256:" + call.Received.BodySha256 != digest)
        {
            throw new ApiFailure(400, $"digest mismatch, expected \"{digest}\", got \"sha256:{call.Received.BodySha256}\"");
        }

        _blobs[digest] = call.Received.BodyLength;
        await call.EmptyAsync(201);
    }

    private static async Task SendAsync(Call call, IReadOnlyList<string> states, string? error)
    {
        if (!call.Body.Flag("stream", true))
        {
            await call.JsonAsync(error is null ? 200 : 500, ContentTypes.PlainJson, error is null ? Status(states[^1]) : Call.NativeError(error));
            return;
        }

        foreach (var state in states)
        {
            await call.LineAsync(Status(state));
        }

        if (error is not null)
        {
            await call.LineAsync(Call.NativeError(error));
        }
    }

    private static byte[] Status(string text) => Json.Object(writer => writer.WriteString("status", text));

    private static string? FirstFile(Arguments body) =>
        body.Get("files") is { ValueKind: System.Text.Json.JsonValueKind.Object } files
            ? files.EnumerateObject().Select(file => file.Value.GetString()).FirstOrDefault()
            : null;

    private static string Digest(Call call)
    {
        var digest = call.Path["/api/blobs/".Length..].Replace("sha256-", "sha256:", StringComparison.Ordinal);
        return DigestForm().IsMatch(digest) ? digest : throw new ApiFailure(400, "invalid digest format");
    }

    [GeneratedRegex("^sha256:[0-9a-fA-F]{64}$")]
    private static partial Regex DigestForm();
}
