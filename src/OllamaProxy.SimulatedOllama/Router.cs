using System.Net;
using Microsoft.AspNetCore.Http;

namespace OllamaProxy.SimulatedOllama;

/// <summary>Selects the handler: paths are compared exactly, as on the wire.</summary>
internal sealed class Router
{
    private readonly Dictionary<string, Dictionary<string, Func<Call, Task>>> _routes = new(StringComparer.Ordinal);
    private readonly ModelsApi _models;
    private readonly TransfersApi _transfers;

    public Router(Inference inference, SimulatedOllamaOptions options)
    {
        _models = new ModelsApi(inference.Models);
        _transfers = new TransfersApi(inference.Models, options);
        var native = new NativeApi(inference);
        var embed = new EmbedApi(inference);
        var openAi = new OpenAiApi(inference);
        Add("HEAD GET", "/", call => call.TextAsync(200, "text/plain; charset=utf-8", "Ollama is running"));
        Add("HEAD GET", "/api/version", call => call.NativeAsync(Json.Object(writer => writer.WriteString("version", options.Version))));
        Add("HEAD GET", "/api/tags", _models.TagsAsync);
        Add("GET", "/api/ps", _models.PsAsync);
        Add("GET", "/api/status", call => call.NativeAsync(Json.Object(writer => writer.Object("cloud", cloud =>
        {
            cloud.WriteBoolean("disabled", true);
            cloud.WriteString("source", "env");
        }))));
        Add("POST", "/api/show", _models.ShowAsync);
        Add("POST", "/api/copy", _models.CopyAsync);
        Add("DELETE", "/api/delete", _models.DeleteAsync);
        Add("POST", "/api/generate", native.GenerateAsync);
        Add("POST", "/api/chat", native.ChatAsync);
        Add("POST", "/api/embed", embed.EmbedAsync);
        Add("POST", "/api/embeddings", embed.EmbeddingsAsync);
        Add("POST", "/api/pull", _transfers.PullAsync);
        Add("POST", "/api/push", TransfersApi.PushAsync);
        Add("POST", "/api/create", _transfers.CreateAsync);
        Add("GET", "/v1/models", _models.ListAsync);
        Add("POST", "/v1/chat/completions", openAi.ChatAsync);
        Add("POST", "/v1/completions", openAi.CompletionsAsync);
        Add("POST", "/v1/embeddings", embed.OpenAiAsync);
        Add("POST", "/v1/responses", new ResponsesApi(inference).ResponsesAsync);
        Add("POST", "/v1/messages", new AnthropicApi(inference).MessagesAsync);
    }

    /// <summary>The handlers of a path by method; null for an unknown path.</summary>
    public IReadOnlyDictionary<string, Func<Call, Task>>? Find(string path)
    {
        if (_routes.TryGetValue(path, out var found))
        {
            return found;
        }

        if (IsBelow(path, "/api/blobs/"))
        {
            return new Dictionary<string, Func<Call, Task>> { ["HEAD"] = _transfers.HeadBlobAsync, ["POST"] = _transfers.PostBlobAsync };
        }

        return IsBelow(path, "/v1/models/") ? new Dictionary<string, Func<Call, Task>> { ["GET"] = _models.RetrieveAsync } : null;
    }

    /// <summary>The Allow header for a known path that lacks the method; null otherwise.</summary>
    public string? Allow(string path, string method) =>
        Find(path) is { } methods && !methods.ContainsKey(method) ? string.Join(", ", methods.Keys) : null;

    public async Task AnswerAsync(Call call)
    {
        var method = call.Request.Method;
        if (Clean(call.Path) is var cleaned && cleaned != call.Path)
        {
            await RedirectAsync(call, HttpStatusCode.TemporaryRedirect, cleaned);
        }
        else if (Find(call.Path) is { } methods)
        {
            await (methods.TryGetValue(method, out var handler) ? handler(call) : call.TextAsync(405, ContentTypes.Text, "405 method not allowed"));
        }
        else if (call.Path.EndsWith('/') && Find(call.Path[..^1]) is { } known && known.ContainsKey(method))
        {
            await RedirectAsync(call, method == "GET" ? HttpStatusCode.MovedPermanently : HttpStatusCode.TemporaryRedirect, call.Path[..^1]);
        }
        else
        {
            await call.TextAsync(404, ContentTypes.Text, "404 page not found");
        }
    }

    private static bool IsBelow(string path, string prefix) =>
        path.StartsWith(prefix, StringComparison.Ordinal) && path.Length > prefix.Length && path.IndexOf('/', prefix.Length) < 0;

    /// <summary>Go's mux removes double slashes and dot segments before it matches a route.</summary>
    private static string Clean(string path)
    {
        if (!path.Contains("//", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal))
        {
            return path;
        }

        List<string> kept = [];
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                kept.RemoveRange(Math.Max(0, kept.Count - 1), Math.Min(1, kept.Count));
            }
            else if (part != ".")
            {
                kept.Add(part);
            }
        }

        return "/" + string.Join('/', kept) + (path.EndsWith('/') && kept.Count > 0 ? "/" : "");
    }

    private static Task RedirectAsync(Call call, HttpStatusCode status, string target)
    {
        call.Response.Headers.Location = target + call.Request.QueryString;
        if (call.Request.Method is not ("GET" or "HEAD"))
        {
            return call.EmptyAsync((int)status);
        }

        var words = status == HttpStatusCode.MovedPermanently ? "Moved Permanently" : "Temporary Redirect";
        return call.TextAsync((int)status, "text/html; charset=utf-8", $"<a href=\"{target}\">{words}</a>.\n\n");
    }

    private void Add(string methods, string path, Func<Call, Task> handler) =>
        _routes[path] = methods.Split(' ').ToDictionary(method => method, _ => handler, StringComparer.Ordinal);
}
