using System.Text;
using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary>
/// The objects and events of one response of <c>/v1/responses</c>. Like the real one, a stream sorts its keys, and an object has the documented order.
/// </summary>
internal sealed class ResponsesAnswer(string model, SimulatedToolCall? toolCall, long created, Call call)
{
    private readonly string _id = "resp_" + Clock.Number(1_000_000);
    private readonly string _item = (toolCall is null ? "msg_" : "fc_") + Clock.Number(1_000_000) + (toolCall is null ? "" : "_0");
    private readonly string _callId = "call_" + Clock.Letters(8);
    private readonly int? _limit = call.Body.Integer("max_output_tokens");
    private readonly double _temperature = call.Body.Get("temperature")?.GetDouble() ?? 1;
    private readonly string? _effort = call.Body.Object("reasoning").Get("effort")?.GetString();
    private int _sequence;

    public async Task BeginAsync()
    {
        await SendAsync("response.created", writer => writer.Object("response", response => Response(response, null, null)));
        await SendAsync("response.in_progress", writer => writer.Object("response", response => Response(response, null, null)));
        await SendAsync("response.output_item.added", writer =>
        {
            writer.Object("item", item => Item(item, null));
            writer.WriteNumber("output_index", 0);
        });
        if (toolCall is not null)
        {
            return;
        }

        await SendAsync("response.content_part.added", writer =>
        {
            writer.WriteNumber("content_index", 0);
            writer.WriteString("item_id", _item);
            writer.WriteNumber("output_index", 0);
            writer.Object("part", part => Part(part, ""));
        });
    }

    public Task DeltaAsync(string text) => SendAsync("response.output_text.delta", writer =>
    {
        writer.WriteNumber("content_index", 0);
        writer.WriteString("delta", text);
        writer.WriteString("item_id", _item);
        writer.Array("logprobs", _ => { });
        writer.WriteNumber("output_index", 0);
    });

    public async Task EndAsync(string text, Cost cost)
    {
        await (toolCall is null ? EndTextAsync(text) : EndArgumentsAsync(toolCall.Arguments));
        await SendAsync("response.output_item.done", writer =>
        {
            writer.Object("item", item => Item(item, text));
            writer.WriteNumber("output_index", 0);
        });
        await SendAsync("response.completed", writer => writer.Object("response", response => Response(response, text, cost)));
    }

    private async Task EndArgumentsAsync(string arguments)
    {
        await SendAsync("response.function_call_arguments.delta", writer =>
        {
            writer.WriteString("delta", arguments);
            writer.WriteString("item_id", _item);
            writer.WriteNumber("output_index", 0);
        });
        await SendAsync("response.function_call_arguments.done", writer =>
        {
            writer.WriteString("arguments", arguments);
            writer.WriteString("item_id", _item);
            writer.WriteNumber("output_index", 0);
        });
    }

    private async Task EndTextAsync(string text)
    {
        var sequence = _sequence++;
        await WriteAsync("response.output_text.done", Json.Object(writer =>
        {
            writer.WriteNumber("content_index", 0);
            writer.WriteString("item_id", _item);
            writer.Array("logprobs", _ => { });
            writer.WriteNumber("output_index", 0);
            writer.WriteNumber("sequence_number", sequence);
            writer.WriteString("text", text);
            writer.WriteString("type", "response.output_text.done");
        }));
        await SendAsync("response.content_part.done", writer =>
        {
            writer.WriteNumber("content_index", 0);
            writer.WriteString("item_id", _item);
            writer.WriteNumber("output_index", 0);
            writer.Object("part", part => Part(part, text));
        });
    }

    public byte[] Whole(string text, Cost cost) => Json.Object(writer =>
    {
        writer.WriteString("id", _id);
        writer.WriteString("object", "response");
        writer.WriteNumber("created_at", created);
        writer.WriteNumber("completed_at", created);
        writer.WriteString("status", "completed");
        writer.WriteNull("incomplete_details");
        writer.WriteString("model", model);
        writer.WriteNull("previous_response_id");
        writer.WriteNull("instructions");
        writer.Array("output", output => output.Element(item => WholeItem(item, text)));
        writer.WriteNull("error");
        writer.Array("tools", Tools);
        writer.WriteString("tool_choice", "auto");
        writer.WriteString("truncation", "disabled");
        writer.WriteBoolean("parallel_tool_calls", true);
        writer.Object("text", format => format.Object("format", kind => kind.WriteString("type", "text")));
        writer.WriteNumber("top_p", 1);
        writer.WriteNumber("presence_penalty", 0);
        writer.WriteNumber("frequency_penalty", 0);
        writer.WriteNumber("top_logprobs", 0);
        writer.WriteNumber("temperature", _temperature);
        Reasoning(writer, withSummary: false);
        writer.Object("usage", usage =>
        {
            usage.WriteNumber("input_tokens", cost.PromptTokens);
            usage.WriteNumber("output_tokens", cost.Tokens);
            usage.WriteNumber("total_tokens", cost.PromptTokens + cost.Tokens);
            usage.Object("input_tokens_details", details => details.WriteNumber("cached_tokens", 0));
            usage.Object("output_tokens_details", details => details.WriteNumber("reasoning_tokens", 0));
        });
        Limit(writer);
        writer.WriteNull("max_tool_calls");
        writer.WriteBoolean("store", false);
        writer.WriteBoolean("background", false);
        writer.WriteString("service_tier", "default");
        writer.Object("metadata", _ => { });
        writer.WriteNull("safety_identifier");
        writer.WriteNull("prompt_cache_key");
    });

    private void Limit(Utf8JsonWriter writer)
    {
        if (_limit is { } tokens)
        {
            writer.WriteNumber("max_output_tokens", tokens);
        }
        else
        {
            writer.WriteNull("max_output_tokens");
        }
    }

    private void Response(Utf8JsonWriter writer, string? text, Cost? cost)
    {
        writer.WriteBoolean("background", false);
        if (cost is null)
        {
            writer.WriteNull("completed_at");
        }
        else
        {
            writer.WriteNumber("completed_at", created);
        }

        writer.WriteNumber("created_at", created);
        writer.WriteNull("error");
        writer.WriteNumber("frequency_penalty", 0);
        writer.WriteString("id", _id);
        writer.WriteNull("incomplete_details");
        writer.WriteNull("instructions");
        Limit(writer);
        writer.WriteNull("max_tool_calls");
        writer.Object("metadata", _ => { });
        writer.WriteString("model", model);
        writer.WriteString("object", "response");
        writer.Array("output", output =>
        {
            if (text is not null)
            {
                output.Element(item => Item(item, text));
            }
        });
        writer.WriteBoolean("parallel_tool_calls", true);
        writer.WriteNumber("presence_penalty", 0);
        writer.WriteNull("previous_response_id");
        writer.WriteNull("prompt_cache_key");
        Reasoning(writer, withSummary: true);
        writer.WriteNull("safety_identifier");
        writer.WriteString("service_tier", "default");
        writer.WriteString("status", cost is null ? "in_progress" : "completed");
        writer.WriteBoolean("store", false);
        writer.WriteNumber("temperature", _temperature);
        writer.Object("text", format => format.Object("format", kind => kind.WriteString("type", "text")));
        writer.WriteString("tool_choice", "auto");
        writer.Array("tools", Tools);
        writer.WriteNumber("top_logprobs", 0);
        writer.WriteNumber("top_p", 1);
        writer.WriteString("truncation", "disabled");
        if (cost is null)
        {
            writer.WriteNull("usage");
            return;
        }

        writer.Object("usage", usage =>
        {
            usage.WriteNumber("input_tokens", cost.PromptTokens);
            usage.Object("input_tokens_details", details => details.WriteNumber("cached_tokens", 0));
            usage.WriteNumber("output_tokens", cost.Tokens);
            usage.Object("output_tokens_details", details => details.WriteNumber("reasoning_tokens", 0));
            usage.WriteNumber("total_tokens", cost.PromptTokens + cost.Tokens);
        });
    }

    private void Reasoning(Utf8JsonWriter writer, bool withSummary)
    {
        if (_effort is null)
        {
            writer.WriteNull("reasoning");
            return;
        }

        writer.Object("reasoning", reasoning =>
        {
            reasoning.WriteString("effort", _effort);
            if (withSummary)
            {
                reasoning.WriteNull("summary");
            }
        });
    }

    /// <summary>Writes the tools as they were requested.</summary>
    private void Tools(Utf8JsonWriter writer)
    {
        foreach (var tool in call.Body.Objects("tools"))
        {
            writer.Element(element =>
            {
                element.WriteString("description", tool.Text("description"));
                element.WriteString("name", tool.Text("name"));
                if (tool.Get("parameters") is { } parameters)
                {
                    element.WritePropertyName("parameters");
                    element.Sorted(parameters);
                }

                element.WriteNull("strict");
                element.WriteString("type", tool.Text("type"));
            });
        }
    }

    private void WholeItem(Utf8JsonWriter writer, string text)
    {
        writer.WriteString("id", _item);
        writer.WriteString("type", toolCall is null ? "message" : "function_call");
        writer.WriteString("status", "completed");
        if (toolCall is not null)
        {
            writer.WriteString("call_id", _callId);
            writer.WriteString("name", toolCall.Name);
            writer.WriteString("arguments", toolCall.Arguments);
            return;
        }

        writer.WriteString("role", "assistant");
        writer.Array("content", content => content.Element(part =>
        {
            part.WriteString("type", "output_text");
            part.WriteString("text", text);
            part.Array("annotations", _ => { });
            part.Array("logprobs", _ => { });
        }));
    }

    private void Item(Utf8JsonWriter writer, string? text)
    {
        if (toolCall is not null)
        {
            writer.WriteString("arguments", text is null ? "" : toolCall.Arguments);
            writer.WriteString("call_id", _callId);
            writer.WriteString("id", _item);
            writer.WriteString("name", toolCall.Name);
            writer.WriteString("status", text is null ? "in_progress" : "completed");
            writer.WriteString("type", "function_call");
            return;
        }

        writer.Array("content", content =>
        {
            if (text is not null)
            {
                content.Element(part =>
                {
                    part.Array("annotations", _ => { });
                    part.Array("logprobs", _ => { });
                    part.WriteString("text", text);
                    part.WriteString("type", "output_text");
                });
            }
        });
        writer.WriteString("id", _item);
        writer.WriteString("role", "assistant");
        writer.WriteString("status", text is null ? "in_progress" : "completed");
        writer.WriteString("type", "message");
    }

    private static void Part(Utf8JsonWriter writer, string text)
    {
        writer.Array("annotations", _ => { });
        writer.Array("logprobs", _ => { });
        writer.WriteString("text", text);
        writer.WriteString("type", "output_text");
    }

    private Task SendAsync(string type, Action<Utf8JsonWriter> write)
    {
        var sequence = _sequence++;
        return WriteAsync(type, Json.Object(writer =>
        {
            write(writer);
            writer.WriteNumber("sequence_number", sequence);
            writer.WriteString("type", type);
        }));
    }

    private Task WriteAsync(string type, byte[] json) =>
        call.ChunkAsync(ContentTypes.Events, (byte[])[.. "event: "u8, .. Encoding.ASCII.GetBytes(type), .. "\ndata: "u8, .. json, .. "\n\n"u8]);
}
