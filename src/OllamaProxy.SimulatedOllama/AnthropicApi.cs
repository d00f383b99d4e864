using System.Text;
using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary><c>/v1/messages</c>.</summary>
internal sealed class AnthropicApi(Inference inference)
{
    public static Task FailAsync(Call call, int status, string message, bool withCharset)
    {
        var json = Json.Object(writer =>
        {
            writer.WriteString("type", "error");
            writer.Object("error", error =>
            {
                error.WriteString("type",
                    status switch { 404 => "not_found_error", 400 => "invalid_request_error", 503 => "overloaded_error", _ => "api_error" });
                error.WriteString("message", message);
            });
            writer.WriteString("request_id", "req_" + Clock.Hex(12));
        });
        return withCharset ? call.JsonAsync(status, ContentTypes.Json, json) : call.JsonAsync(status, ContentTypes.PlainJson, OpenAiApi.Ended(json));
    }

    public async Task MessagesAsync(Call call)
    {
        await call.ReadAsync();
        var body = call.Body;
        var name = body.Text("model");
        if (body.Integer("max_tokens") is not > 0)
        {
            throw new OpenAiFailure(400, "max_tokens is required and must be positive", withCharset: true);
        }

        bool? thinks = body.Object("thinking").Text("type") is "disabled" ? false : null;
        var stream = body.Flag("stream", false);
        if (stream)
        {
            call.Response.Headers.CacheControl = "no-cache";
            call.Response.Headers.Connection = "keep-alive";
        }

        var hasResult = body.Objects("messages").LastOrDefault(Arguments.Empty).Objects("content").Any(block => block.Text("type") == "tool_result");
        var job = inference.Job(name, body, body.Integer("max_tokens"), thinks, body.Has("tools") && !hasResult, hasImages: false);
        var cost = new Cost(inference.Time);
        if (stream)
        {
            await StreamAsync(call, name, job, cost);
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

        await call.JsonAsync(200, ContentTypes.PlainJson, OpenAiApi.Ended(Json.Object(writer =>
        {
            Head(writer, name, content =>
            {
                if (thinking.Length > 0)
                {
                    content.Element(block =>
                    {
                        block.WriteString("type", "thinking");
                        block.WriteString("thinking", thinking.ToString());
                    });
                }

                if (job.ToolCall is { } toolCall)
                {
                    content.Element(block => ToolUse(block, toolCall, withInput: true));
                }
                else
                {
                    content.Element(block =>
                    {
                        block.WriteString("type", "text");
                        block.WriteString("text", text.ToString());
                    });
                }
            });
            writer.WriteString("stop_reason", StopReason(job, cost));
            Usage(writer, cost.PromptTokens, cost.Tokens);
        })));
    }

    private async Task StreamAsync(Call call, string name, Job job, Cost cost)
    {
        var index = -1;
        PieceKind? open = null;
        try
        {
            await foreach (var piece in inference.RunAsync(job, null, cost, call.Aborted))
            {
                if (index < 0)
                {
                    await SendAsync(call, "message_start", writer => writer.Object("message", message =>
                    {
                        Head(message, name, _ => { });
                        Usage(message, Math.Max(1, (job.PromptLength + 3) / 4), 0);
                    }));
                }

                if (open != piece.Kind)
                {
                    if (open is not null)
                    {
                        await StopAsync(call, index);
                    }

                    open = piece.Kind;
                    index++;
                    var at = index;
                    await SendAsync(call, "content_block_start", writer =>
                    {
                        writer.WriteNumber("index", at);
                        writer.Object("content_block", block => Block(block, piece.Kind, job.ToolCall));
                    });
                }

                var current = index;
                await SendAsync(call, "content_block_delta", writer =>
                {
                    writer.WriteNumber("index", current);
                    writer.Object("delta", delta => Delta(delta, piece, job.ToolCall));
                });
            }
        }
        catch (RunnerDied)
        {
            // The real Ollama just stops (recording 83e).
            return;
        }

        if (open is not null)
        {
            await StopAsync(call, index);
        }

        await SendAsync(call, "message_delta", writer =>
        {
            writer.Object("delta", delta => delta.WriteString("stop_reason", StopReason(job, cost)));
            Usage(writer, cost.PromptTokens, cost.Tokens);
        });
        await SendAsync(call, "message_stop", _ => { });
    }

    private static Task StopAsync(Call call, int index) => SendAsync(call, "content_block_stop", writer => writer.WriteNumber("index", index));

    private static Task SendAsync(Call call, string type, Action<Utf8JsonWriter> write)
    {
        var json = Json.Object(writer =>
        {
            writer.WriteString("type", type);
            write(writer);
        });
        return call.ChunkAsync(ContentTypes.Events, (byte[])[.. "event: "u8, .. Encoding.ASCII.GetBytes(type), .. "\ndata: "u8, .. json, .. "\n\n"u8]);
    }

    private static void Head(Utf8JsonWriter writer, string name, Action<Utf8JsonWriter> content)
    {
        writer.WriteString("id", "msg_" + Clock.Hex(12));
        writer.WriteString("type", "message");
        writer.WriteString("role", "assistant");
        writer.WriteString("model", name);
        writer.Array("content", content);
    }

    private static void Block(Utf8JsonWriter writer, PieceKind kind, SimulatedToolCall? toolCall)
    {
        switch (kind)
        {
            case PieceKind.ToolCall:
                ToolUse(writer, toolCall!, withInput: false);
                break;
            case PieceKind.Thinking:
                writer.WriteString("type", "thinking");
                writer.WriteString("thinking", "");
                break;
            default:
                writer.WriteString("type", "text");
                writer.WriteString("text", "");
                break;
        }
    }

    private static void Delta(Utf8JsonWriter writer, Piece piece, SimulatedToolCall? toolCall)
    {
        var (type, name) = piece.Kind switch
        {
            PieceKind.ToolCall => ("input_json_delta", "partial_json"),
            PieceKind.Thinking => ("thinking_delta", "thinking"),
            _ => ("text_delta", "text"),
        };
        writer.WriteString("type", type);
        writer.WriteString(name, piece.Kind == PieceKind.ToolCall ? toolCall!.Arguments : piece.Text);
    }

    private static void ToolUse(Utf8JsonWriter writer, SimulatedToolCall toolCall, bool withInput)
    {
        writer.WriteString("type", "tool_use");
        writer.WriteString("id", "call_" + Clock.Letters(8));
        writer.WriteString("name", toolCall.Name);
        writer.WritePropertyName("input");
        writer.WriteRawValue(withInput ? toolCall.Arguments : "{}");
    }

    private static string StopReason(Job job, Cost cost) => job.ToolCall is not null ? "tool_use" : cost.Reason == "length" ? "max_tokens" : "end_turn";

    private static void Usage(Utf8JsonWriter writer, int input, int output) => writer.Object("usage", usage =>
    {
        usage.WriteNumber("input_tokens", input);
        usage.WriteNumber("output_tokens", output);
    });
}
