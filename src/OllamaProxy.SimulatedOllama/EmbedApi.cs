using System.Runtime.InteropServices;
using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary>Embeddings: <c>/api/embed</c>, <c>/api/embeddings</c>, <c>/v1/embeddings</c>.</summary>
internal sealed class EmbedApi(Inference inference)
{
    public async Task EmbedAsync(Call call)
    {
        await call.ReadAsync();
        var name = call.Body.Text("model", "EmbedRequest");
        var inputs = Inputs(call.Body) ?? throw new ApiFailure(400, "invalid input type");
        var (model, cost) = await RunAsync(call, name, inputs);
        await call.NativeAsync(Json.Object(writer =>
        {
            writer.WriteString("model", name);
            writer.Array("embeddings", vectors =>
            {
                foreach (var input in inputs)
                {
                    vectors.WriteStartArray();
                    Write(vectors, Numbers(model, input, call.Body.Integer("dimensions")));
                    vectors.WriteEndArray();
                }
            });
            if (inputs.Count > 0)
            {
                writer.WriteNumber("total_duration", cost.Total);
                writer.WriteNumber("load_duration", (long)cost.Load.TotalNanoseconds);
                writer.WriteNumber("prompt_eval_count", cost.PromptTokens);
            }
        }));
    }

    public async Task EmbeddingsAsync(Call call)
    {
        await call.ReadAsync();
        var name = call.Body.Text("model", "EmbeddingRequest");
        var prompt = call.Body.Text("prompt", "EmbeddingRequest");
        var (model, _) = await RunAsync(call, name, [prompt]);
        await call.NativeAsync(Json.Object(writer => writer.Array("embedding", vector => Write(vector, Numbers(model, prompt, null)))));
    }

    public async Task OpenAiAsync(Call call)
    {
        await call.ReadAsync();
        var name = call.Body.Text("model", "EmbedRequest");
        var inputs = Inputs(call.Body);
        if (inputs is not { Count: > 0 })
        {
            throw new OpenAiFailure(400, "invalid input", withCharset: true);
        }

        // OpenAI's own clients request base64 by default.
        var inBase64 = call.Body.Text("encoding_format") == "base64";
        var (model, cost) = await RunAsync(call, name, inputs);
        await call.JsonAsync(200, ContentTypes.PlainJson, OpenAiApi.Ended(Json.Object(writer =>
        {
            writer.WriteString("object", "list");
            writer.Array("data", data =>
            {
                for (var index = 0; index < inputs.Count; index++)
                {
                    var at = index;
                    data.Element(item =>
                    {
                        item.WriteString("object", "embedding");
                        var numbers = Numbers(model, inputs[at], call.Body.Integer("dimensions"));
                        if (inBase64)
                        {
                            item.WriteBase64String("embedding", MemoryMarshal.AsBytes<float>(numbers));
                        }
                        else
                        {
                            item.Array("embedding", vector => Write(vector, numbers));
                        }

                        item.WriteNumber("index", at);
                    });
                }
            });
            writer.WriteString("model", name);
            writer.Object("usage", usage =>
            {
                usage.WriteNumber("prompt_tokens", cost.PromptTokens);
                usage.WriteNumber("total_tokens", cost.PromptTokens);
            });
        })));
    }

    private async Task<(SimulatedModel Model, Cost Cost)> RunAsync(Call call, string name, IReadOnlyList<string> inputs)
    {
        var cost = new Cost(inference.Time);
        if (inference.Models.Find(FaultPlan.Split(name).Model) is null)
        {
            throw new ApiFailure(404, $"model \"{name}\" not found, try pulling it first");
        }

        var (model, fault) = inference.Find(name);
        if (fault is Fault.Busy)
        {
            throw ApiFailure.Busy();
        }

        if (fault is Fault.Hang)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, inference.Time, call.Aborted);
        }

        if (fault is Fault.Error or Fault.Broken or Fault.Cut)
        {
            throw fault is Fault.Cut ? new ConnectionCut() : new ApiFailure(500, "do embedding request: unexpected EOF");
        }

        if (!model.IsEmbedding)
        {
            throw new ApiFailure(501, "This server does not support embeddings. Start it with `--embeddings`");
        }

        if (!call.Body.Flag("truncate", true) && inputs.Any(input => input.Length / 4 > model.ContextLength || input.Length > model.ContextLength))
        {
            throw new ApiFailure(400, "the input length exceeds the context length");
        }

        using var slot = await inference.Models.TakeAsync(model, call.Body.Get("keep_alive"), call.Body.Object("options").Integer("num_ctx"), call.Aborted);
        cost.Load = slot.LoadTime;
        cost.PromptTokens = inputs.Sum(input => 2 + (input.Length / 4));
        if (model.TokensPerSecond > 0)
        {
            await Task.Delay(TimeSpan.FromSeconds(cost.PromptTokens / model.TokensPerSecond), inference.Time, call.Aborted);
        }

        return (model, cost);
    }

    private static List<string>? Inputs(Arguments body) => body.Get("input") switch
    {
        null => [],
        { ValueKind: JsonValueKind.String } text => [text.GetString()!],
        { ValueKind: JsonValueKind.Array } array =>
            [.. array.EnumerateArray().Select(element => element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText())],
        _ => null,
    };

    private static float[] Numbers(SimulatedModel model, string input, int? dimensions)
    {
        var state = 17u;
        foreach (var letter in input)
        {
            state = (state * 31) + letter;
        }

        var numbers = new float[dimensions ?? model.EmbeddingLength];
        for (var at = 0; at < numbers.Length; at++)
        {
            state = (state * 1_664_525u) + 1_013_904_223u;
            numbers[at] = ((float)(state >> 8) / (1 << 24) - 0.5f) / 8;
        }

        return numbers;
    }

    private static void Write(Utf8JsonWriter writer, float[] numbers)
    {
        foreach (var number in numbers)
        {
            writer.WriteNumberValue(number);
        }
    }
}
