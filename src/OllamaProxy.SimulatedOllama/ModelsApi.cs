using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary>Lists and changes of installed and loaded models.</summary>
internal sealed class ModelsApi(Models models)
{
    public Task TagsAsync(Call call) => call.NativeAsync(Json.Object(writer => writer.Array("models", list =>
    {
        foreach (var model in models.All)
        {
            list.Element(item =>
            {
                Name(item, model);
                item.WriteString("modified_at", Clock.Text(models.MadeAt));
                item.WriteNumber("size", model.Size);
                item.WriteString("digest", Digest(model.Name));
                item.Object("details", details =>
                {
                    Details(details, model);
                    details.WriteNumber("context_length", model.ContextLength);
                    details.WriteNumber("embedding_length", model.EmbeddingLength);
                });
                Capabilities(item, model);
            });
        }
    })));

    public Task PsAsync(Call call) => call.NativeAsync(Json.Object(writer => writer.Array("models", list =>
    {
        foreach (var loaded in models.Loaded)
        {
            list.Element(item =>
            {
                Name(item, loaded.Model);
                item.WriteNumber("size", loaded.Model.Size * 5 / 4);
                item.WriteString("digest", Digest(loaded.Model.Name));
                item.Object("details", details => Details(details, loaded.Model));
                item.WriteString("expires_at", Clock.Text(loaded.ExpiresAt));
                item.WriteNumber("size_vram", (long)(loaded.Model.Size * 5 / 4 * loaded.Model.GpuRatio));
                item.WriteNumber("context_length", loaded.ContextLength);
            });
        }
    })));

    public async Task ShowAsync(Call call)
    {
        await call.ReadAsync();
        var name = NameOf(call);
        if (name.Length == 0)
        {
            throw new ApiFailure(400, "model is required");
        }

        var model = models.Find(name) ?? throw ApiFailure.NotFound(Models.Canonical(name));
        await call.NativeAsync(Json.Object(writer => Show(writer, model)));
    }

    public async Task CopyAsync(Call call)
    {
        await call.ReadAsync();
        var source = call.Body.Text("source");
        var model = models.Find(source) ?? throw new ApiFailure(404, $"model \"{source}\" not found");
        models.Add(model with { Name = Models.Canonical(call.Body.Text("destination")) });
        await call.EmptyAsync(200);
    }

    public async Task DeleteAsync(Call call)
    {
        await call.ReadAsync();
        var name = NameOf(call);
        if (!models.Remove(name))
        {
            throw ApiFailure.NotFound(name);
        }

        await call.EmptyAsync(200);
    }

    public Task ListAsync(Call call) => call.JsonAsync(200, ContentTypes.PlainJson, OpenAiApi.Ended(Json.Object(writer =>
    {
        writer.WriteString("object", "list");
        if (models.All.Count == 0)
        {
            writer.WriteNull("data");
            return;
        }

        writer.Array("data", data =>
        {
            foreach (var model in models.All)
            {
                data.Element(item => Entry(item, model.Name));
            }
        });
    })));

    public Task RetrieveAsync(Call call)
    {
        var name = Uri.UnescapeDataString(call.Path["/v1/models/".Length..]);
        return models.Find(name) is null
            ? throw ApiFailure.NotFound(Models.Canonical(name))
            : call.JsonAsync(200, ContentTypes.PlainJson, OpenAiApi.Ended(Json.Object(writer => Entry(writer, name))));
    }

    public static string NameOf(Call call) => call.Body.Text("model") is { Length: > 0 } name ? name : call.Body.Text("name");

    public static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private void Entry(Utf8JsonWriter writer, string name)
    {
        writer.WriteString("id", name);
        writer.WriteString("object", "model");
        writer.WriteNumber("created", models.MadeAt.ToUnixTimeSeconds());
        writer.WriteString("owned_by", "library");
    }

    private static void Name(Utf8JsonWriter writer, SimulatedModel model)
    {
        writer.WriteString("name", model.Name);
        writer.WriteString("model", model.Name);
    }

    private static void Details(Utf8JsonWriter writer, SimulatedModel model)
    {
        writer.WriteString("parent_model", "");
        writer.WriteString("format", "gguf");
        writer.WriteString("family", model.Family);
        writer.Strings("families", model.Family);
        writer.WriteString("parameter_size", model.ParameterSize);
        writer.WriteString("quantization_level", model.Quantization);
    }

    private static void Capabilities(Utf8JsonWriter writer, SimulatedModel model) => writer.Array("capabilities", list =>
    {
        list.WriteStringValue(model.IsEmbedding ? "embedding" : "completion");
        if (model.CallsTools)
        {
            list.WriteStringValue("tools");
        }

        if (model.Thinks)
        {
            list.WriteStringValue("thinking");
        }

        if (model.Sees)
        {
            list.WriteStringValue("vision");
        }
    });

    private void Show(Utf8JsonWriter writer, SimulatedModel model)
    {
        writer.WriteString("modelfile",
            $"# Modelfile generated by \"ollama show\"\n# To build a new Modelfile based on this, replace FROM with:\n# FROM {model.Name}\n\nFROM "
                + $"/var/lib/ollama/models/blobs/sha256-{Digest(model.Name)}\nTEMPLATE {{{{ .Prompt }}}}\nPARAMETER num_ctx {model.ContextLength}\n");
        writer.WriteString("parameters", $"num_ctx                        {model.ContextLength}");
        writer.WriteString("template", "{{ .Prompt }}");
        writer.Object("details", details => Details(details, model));
        writer.Object("model_info", info =>
        {
            info.WriteString("general.architecture", model.Family);
            info.WriteNumber("general.file_type", 1);
            info.WriteString("general.license", "CC0-1.0");
            info.WriteNumber("general.parameter_count", model.Size / 2);
            info.WriteNumber("general.quantization_version", 2);
            info.WriteNumber(model.Family + ".context_length", model.ContextLength);
            info.WriteNumber(model.Family + ".embedding_length", model.EmbeddingLength);
            info.WriteNull("tokenizer.ggml.tokens");
        });
        writer.Array("tensors", tensors =>
        {
            for (var block = 0; block < 24; block++)
            {
                var at = block;
                tensors.Element(tensor =>
                {
                    tensor.WriteString("name", $"blk.{at}.attn_k.weight");
                    tensor.WriteString("type", model.Quantization);
                    tensor.Array("shape", shape =>
                    {
                        shape.WriteNumberValue(model.EmbeddingLength);
                        shape.WriteNumberValue(model.EmbeddingLength / 4);
                    });
                });
            }
        });
        Capabilities(writer, model);
        writer.WriteString("modified_at", Clock.Text(models.MadeAt));
    }
}
