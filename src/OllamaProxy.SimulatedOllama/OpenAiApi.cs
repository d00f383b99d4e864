using System.Text;
using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary>An error on <c>/v1</c> raised before the request was understood.</summary>
internal sealed class OpenAiFailure(int status, string message, bool withCharset) : Exception(message)
{
    public int Status { get; } = status;

    public bool WithCharset { get; } = withCharset;
}

/// <summary><c>/v1/chat/completions</c>, <c>/v1/completions</c>.</summary>
internal sealed class OpenAiApi(Inference inference)
{
    public Task ChatAsync(Call call) => AnswerAsync(call, isChat: true);

    public Task CompletionsAsync(Call call) => AnswerAsync(call, isChat: false);

    /// <summary>Appends the line feed that ends responses of <c>/v1</c>.</summary>
    public static byte[] Ended(byte[] json) => [.. json, (byte)'\n'];

    public static Task FailAsync(Call call, int status, string message, bool withCharset)
    {
        var json = Json.Object(writer => writer.Object("error", error =>
        {
            error.WriteString("message", message);
            error.WriteString("type", status switch { 404 => "not_found_error", 400 => "invalid_request_error", _ => "api_error" });
            error.WriteNull("param");
            error.WriteNull("code");
        }));
        return withCharset ? call.JsonAsync(status, ContentTypes.Json, json) : call.JsonAsync(status, ContentTypes.PlainJson, Ended(json));
    }

    private async Task AnswerAsync(Call call, bool isChat)
    {
        await call.ReadAsync();
        var body = call.Body;
        var name = body.Text("model");
        if (isChat && !body.Has("messages"))
        {
            throw new OpenAiFailure(400, "[] is too short - 'messages'", withCharset: true);
        }

        if (name.Length == 0)
        {
            throw new ApiFailure(400, "model is required");
        }

        var limit = body.Integer("max_tokens") ?? body.Integer("max_completion_tokens");
        var messages = body.Objects("messages");
        var hasTools = isChat && body.Has("tools") && messages[^1].Text("role") != "tool";
        bool? thinks = body.Text("reasoning_effort") is "none" ? false : null;
        var hasImages = messages.Any(message => message.Objects("content").Any(part => part.Text("type") == "image_url"));
        var answer = new OpenAiAnswer(isChat, name, inference.Time.GetUtcNow().ToUnixTimeSeconds());
        var job = inference.Job(name, body, limit, thinks, hasTools, hasImages);
        var cost = new Cost(inference.Time);
        if (body.Flag("stream", false))
        {
            await StreamAsync(call, answer, job, cost);
            return;
        }

        var text = new StringBuilder();
        var thinking = new StringBuilder();
        try
        {
            await foreach (var piece in inference.RunAsync(job, null, cost, call.Aborted))
            {
                (piece.Kind == PieceKind.Thinking ? thinking : text).Append(piece.Text);
            }
        }
        catch (RunnerDied died)
        {
            throw new ApiFailure(500, died.Message);
        }

        await call.JsonAsync(200, ContentTypes.PlainJson, Ended(answer.Whole(text.ToString(), thinking.ToString(), job.ToolCall, cost)));
    }

    private async Task StreamAsync(Call call, OpenAiAnswer answer, Job job, Cost cost)
    {
        var withUsage = call.Body.Object("stream_options").Flag("include_usage", false);
        try
        {
            await foreach (var piece in inference.RunAsync(job, null, cost, call.Aborted))
            {
                await call.ChunkAsync(ContentTypes.Events, Event(answer.Chunk(piece, job, withUsage)));
            }
        }
        catch (RunnerDied)
        {
            await call.ChunkAsync(ContentTypes.Events, Event(answer.Dead()));
            return;
        }

        // The end is one write: finish reason, usage if requested, the terminator.
        byte[] usage = withUsage ? Event(answer.Usage(cost)) : [];
        await call.ChunkAsync(ContentTypes.Events,
            (byte[])[.. Event(answer.Finish(job.ToolCall is not null ? "tool_calls" : cost.Reason, withUsage)), .. usage, .. "data: [DONE]\n\n"u8]);
    }

    private static byte[] Event(byte[] json) => [.. "data: "u8, .. json, .. "\n\n"u8];
}

/// <summary>The objects of one response.</summary>
internal sealed class OpenAiAnswer(bool isChat, string model, long created)
{
    private readonly string _id = (isChat ? "chatcmpl-" : "cmpl-") + Clock.Number(999);
    private bool _hasRole;

    public byte[] Chunk(Piece piece, Job job, bool withUsage) => Make(model, stream: true, choice =>
    {
        if (isChat)
        {
            choice.WriteNumber("index", 0);
            choice.Object("delta",
                delta =>
                Said(delta, piece.Kind == PieceKind.Text ? piece.Text : "", piece.Kind == PieceKind.Thinking ? piece.Text : "",
                    piece.Kind == PieceKind.ToolCall ? job.ToolCall : null));
        }
        else
        {
            choice.WriteString("text", piece.Kind == PieceKind.Text ? piece.Text : "");
            choice.WriteNumber("index", 0);
        }

        choice.WriteNull("finish_reason");
    }, withUsage && !isChat ? (0, 0) : null);

    public byte[] Finish(string reason, bool withUsage) => Make(model, stream: true, choice =>
    {
        if (isChat)
        {
            choice.WriteNumber("index", 0);
            choice.Object("delta", _ => { });
        }
        else
        {
            choice.WriteString("text", "");
            choice.WriteNumber("index", 0);
        }

        choice.WriteString("finish_reason", reason);
    }, withUsage && !isChat ? (0, 0) : null);

    public byte[] Usage(Cost cost) => Make(model, stream: true, null, (cost.PromptTokens, cost.Tokens));

    /// <summary>The chunk of an error after the first token: its text is lost (recording 83c).</summary>
    public byte[] Dead() => Make("", stream: true, choice =>
    {
        if (isChat)
        {
            choice.WriteNumber("index", 0);
            choice.Object("delta", _ => { });
        }
        else
        {
            choice.WriteString("text", "");
            choice.WriteNumber("index", 0);
        }

        choice.WriteNull("finish_reason");
    }, null);

    public byte[] Whole(string text, string thinking, SimulatedToolCall? toolCall, Cost cost) => Make(model, stream: false, choice =>
    {
        if (isChat)
        {
            choice.WriteNumber("index", 0);
            choice.Object("message", message => Said(message, text, thinking, toolCall, whole: true));
        }
        else
        {
            choice.WriteString("text", text);
            choice.WriteNumber("index", 0);
        }

        choice.WriteString("finish_reason", toolCall is not null ? "tool_calls" : cost.Reason);
    }, (cost.PromptTokens, cost.Tokens));

    private byte[] Make(string name, bool stream, Action<Utf8JsonWriter>? choice, (int Prompt, int Completion)? usage) => Json.Object(writer =>
    {
        writer.WriteString("id", _id);
        writer.WriteString("object", isChat ? (stream ? "chat.completion.chunk" : "chat.completion") : "text_completion");
        writer.WriteNumber("created", created);
        var namesLast = !isChat && stream;
        if (!namesLast)
        {
            Name(writer, name);
        }

        writer.Array("choices", choices =>
        {
            if (choice is not null)
            {
                choices.Element(choice);
            }
        });
        if (namesLast)
        {
            Name(writer, name);
        }

        if (usage is var (prompt, completion))
        {
            writer.Object("usage", counts =>
            {
                counts.WriteNumber("prompt_tokens", prompt);
                counts.WriteNumber("completion_tokens", completion);
                counts.WriteNumber("total_tokens", prompt + completion);
            });
        }
    });

    private static void Name(Utf8JsonWriter writer, string name)
    {
        writer.WriteString("model", name);
        writer.WriteString("system_fingerprint", "fp_ollama");
    }

    private void Said(Utf8JsonWriter writer, string text, string thinking, SimulatedToolCall? toolCall, bool whole = false)
    {
        if (whole || !_hasRole)
        {
            _hasRole = true;
            writer.WriteString("role", "assistant");
        }

        writer.WriteString("content", text);
        if (thinking.Length > 0)
        {
            writer.WriteString("reasoning", thinking);
        }

        if (toolCall is not null)
        {
            writer.Array("tool_calls", calls => calls.Element(one =>
            {
                one.WriteString("id", "call_" + Clock.Letters(8));
                one.WriteNumber("index", 0);
                one.WriteString("type", "function");
                one.Object("function", function =>
                {
                    function.WriteString("name", toolCall.Name);
                    function.WriteString("arguments", toolCall.Arguments);
                });
            }));
        }
    }
}
