using System.Text;
using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary><c>/api/generate</c> and <c>/api/chat</c>: one JSON line per chunk, or one object.</summary>
internal sealed class NativeApi(Inference inference)
{
    public async Task GenerateAsync(Call call)
    {
        await call.ReadAsync();
        var body = call.Body;
        var name = body.Text("model", "GenerateRequest");
        var prompt = body.Text("prompt", "GenerateRequest");
        CheckOptions(body, name);
        var load = prompt.Length == 0 && !body.Has("images") && !body.Has("suffix");
        await AnswerAsync(call, name, load, isChat: false, () => inference.Job(name, body, Limit(body), Thinks(body), hasTools: false, body.Has("images")));
    }

    public async Task ChatAsync(Call call)
    {
        await call.ReadAsync();
        var body = call.Body;
        var name = body.Text("model", "ChatRequest");
        if (name.Length == 0)
        {
            throw new ApiFailure(400, "model is required");
        }

        CheckOptions(body, name);
        var messages = body.Objects("messages");
        var hasTools = body.Has("tools") && messages is not [.., var last] || body.Has("tools") && messages[^1].Text("role") != "tool";
        await AnswerAsync(call, name, messages.Count == 0, isChat: true,
            () => inference.Job(name, body, Limit(body), Thinks(body), hasTools, messages.Any(message => message.Has("images"))));
    }

    private async Task AnswerAsync(Call call, string name, bool load, bool isChat, Func<Job> makeJob)
    {
        var keepAlive = call.Body.Get("keep_alive");
        if (load)
        {
            await LoadAsync(call, name, keepAlive, isChat);
            return;
        }

        var job = makeJob() with { ContextLength = ContextLength(call.Body) };
        var cost = new Cost(inference.Time);
        var stream = call.Body.Flag("stream", true);
        var text = new StringBuilder();
        var thinking = new StringBuilder();
        SimulatedToolCall? called = null;
        try
        {
            await foreach (var piece in inference.RunAsync(job, keepAlive, cost, call.Aborted))
            {
                if (stream)
                {
                    await call.LineAsync(Line(name, piece, job, isChat, null, call.Body));
                    continue;
                }

                (piece.Kind == PieceKind.Thinking ? thinking : text).Append(piece.Text);
                called = piece.Kind == PieceKind.ToolCall ? job.ToolCall : called;
            }
        }
        catch (RunnerDied died) when (stream)
        {
            await call.LineAsync(Call.NativeError(died.Message));
            return;
        }
        catch (RunnerDied died)
        {
            throw new ApiFailure(500, died.Message);
        }

        if (stream)
        {
            await call.LineAsync(Line(name, new Piece(PieceKind.Text, ""), job, isChat, cost, call.Body));
            return;
        }

        await call.NativeAsync(Json.Object(writer =>
        {
            Head(writer, name);
            Said(writer, isChat, text.ToString(), thinking.ToString(), called);
            Tail(writer, isChat, cost, call.Body);
        }));
    }

    private async Task LoadAsync(Call call, string name, JsonElement? keepAlive, bool isChat)
    {
        var (model, _) = inference.Find(name);
        var unload = keepAlive is { ValueKind: JsonValueKind.Number } number && number.GetDouble() == 0;
        if (unload)
        {
            inference.Models.Unload(model);
        }
        else
        {
            using var slot = await inference.Models.TakeAsync(model, keepAlive, ContextLength(call.Body), call.Aborted);
        }

        await call.NativeAsync(Json.Object(writer =>
        {
            Head(writer, name);
            Said(writer, isChat, "", "", toolCall: null);
            writer.WriteBoolean("done", true);
            writer.WriteString("done_reason", unload ? "unload" : "load");
        }));
    }

    private byte[] Line(string name, Piece piece, Job job, bool isChat, Cost? cost, Arguments body) => Json.Object(writer =>
    {
        Head(writer, name);
        Said(writer, isChat, piece.Kind == PieceKind.Text ? piece.Text : "", piece.Kind == PieceKind.Thinking ? piece.Text : "",
            piece.Kind == PieceKind.ToolCall ? job.ToolCall : null);
        if (cost is null)
        {
            writer.WriteBoolean("done", false);
        }
        else
        {
            Tail(writer, isChat, cost, body);
        }
    });

    private void Head(Utf8JsonWriter writer, string name)
    {
        writer.WriteString("model", name);
        writer.WriteString("created_at", Clock.Now(inference.Time));
    }

    private static void Said(Utf8JsonWriter writer, bool isChat, string text, string thinking, SimulatedToolCall? toolCall)
    {
        if (isChat)
        {
            writer.WriteStartObject("message");
            writer.WriteString("role", "assistant");
        }

        writer.WriteString(isChat ? "content" : "response", text);
        if (thinking.Length > 0)
        {
            writer.WriteString("thinking", thinking);
        }

        if (toolCall is not null)
        {
            writer.Array("tool_calls", calls => calls.Element(one =>
            {
                one.WriteString("id", "call_" + Clock.Letters(8));
                one.Object("function", function =>
                {
                    function.WriteNumber("index", 0);
                    function.WriteString("name", toolCall.Name);
                    function.WritePropertyName("arguments");
                    function.WriteRawValue(toolCall.Arguments);
                });
            }));
        }

        if (isChat)
        {
            writer.WriteEndObject();
        }
    }

    private static void Tail(Utf8JsonWriter writer, bool isChat, Cost cost, Arguments body)
    {
        writer.WriteBoolean("done", true);
        writer.WriteString("done_reason", cost.Reason);
        if (!isChat && !body.Flag("raw", false))
        {
            writer.Array("context", context =>
            {
                for (var token = 0; token < cost.PromptTokens + cost.Tokens; token++)
                {
                    context.WriteNumberValue(259 + (token * 37 % 120));
                }
            });
        }

        writer.WriteNumber("total_duration", cost.Total);
        writer.WriteNumber("load_duration", (long)cost.Load.TotalNanoseconds);
        writer.WriteNumber("prompt_eval_count", cost.PromptTokens);
        if (cost.CachedTokens is { } cached)
        {
            writer.WriteNumber("prompt_eval_cached_count", cached);
        }

        writer.WriteNumber("prompt_eval_duration", (long)cost.Prompt.TotalNanoseconds);
        writer.WriteNumber("eval_count", cost.Tokens);
        writer.WriteNumber("eval_duration", (long)cost.Generation.TotalNanoseconds);
    }

    private void CheckOptions(Arguments body, string name)
    {
        if (name.Length > 0 && !Models.IsName(name))
        {
            throw new ApiFailure(400, "invalid model name");
        }

        _ = inference.Models.Find(FaultPlan.Split(name).Model) ?? throw ApiFailure.NotFound(name);
        if (body.Object("options").Get("num_predict") is { ValueKind: not JsonValueKind.Number })
        {
            throw new ApiFailure(500, "option \"num_predict\" must be of type integer");
        }
    }

    private static int? Limit(Arguments body) => body.Object("options").Integer("num_predict");

    private static int? ContextLength(Arguments body) => body.Object("options").Integer("num_ctx");

    private static bool? Thinks(Arguments body) => body.Get("think")?.ValueKind switch
    {
        null => null,
        JsonValueKind.False => false,
        _ => true,
    };
}
