using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using OllamaProxy.Host.Commands;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// The API's description in OpenAPI 3.1, generated once from the table that maps the paths and reads their parameters. The schemas come from the serialized
/// types and from the table of fields, so they cannot differ from the responses.
/// </summary>
internal static class OpenApiDocument
{
    private const string Schemas = "#/components/schemas/";

    private static readonly Lazy<byte[]> s_bytes = new(Write);

    public static Task<IResult> AnswerAsync(HttpContext context) =>
        Task.FromResult<IResult>(TypedResults.Bytes(s_bytes.Value, "application/json; charset=utf-8"));

    private static byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = AnalyticsJson.Relaxed.Options.Encoder }))
        {
            Build().WriteTo(writer);
        }

        return stream.ToArray();
    }

    private static JsonObject Build()
    {
        var paths = new JsonObject();
        var schemas = new JsonObject();
        foreach (var path in LocalEndpoints.All.GroupBy(endpoint => endpoint.Path))
        {
            var methods = new JsonObject();
            foreach (var endpoint in path)
            {
                methods.Add(endpoint.Method.ToLowerInvariant(), Operation(endpoint, schemas));
            }

            paths.Add(path.Key, methods);
        }

        // OpenAPI 3.1 cannot describe the data of server-sent events; clients still find their schemas here.
        _ = SchemaOf(AnalyticsJson.Relaxed.RunningJson, schemas);
        _ = SchemaOf(AnalyticsJson.Relaxed.MissedJson, schemas);

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "ollama-proxy",
                ["version"] = HelpText.Version,
                ["description"] = "The requests that Ollama got through ollama-proxy. Durations are in seconds. HEAD works wherever GET does.",
            },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas,
                ["securitySchemes"] = new JsonObject { ["token"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer",
                    ["description"] = "ANALYTICS_TOKEN, if it is set." } },
            },
        };
    }

    private static JsonObject Operation(LocalEndpoint endpoint, JsonObject schemas)
    {
        var responses = new JsonObject { [Text(endpoint.Status)] = Good(endpoint, schemas) };
        foreach (var status in endpoint.AlsoAt)
        {
            responses[Text(status)] = Good(endpoint, schemas);
        }

        int[] problems = [400, .. endpoint.IsOpen ? Array.Empty<int>() : [401], 403, .. endpoint.IsOpen ? Array.Empty<int>() : [429], .. endpoint.Problems,
            .. endpoint.NeedsStore ? [503] : Array.Empty<int>()];
        foreach (var status in problems.Distinct().Order())
        {
            responses[Text(status)] = new JsonObject
            {
                ["description"] = "An error.",
                ["content"] = new JsonObject { ["application/problem+json"] = SchemaOnly(AnalyticsJson.Relaxed.ProblemJson, schemas) },
            };
        }

        var operation = new JsonObject { ["summary"] = endpoint.Summary, ["responses"] = responses };
        if (endpoint.Parameters.Count > 0)
        {
            operation.Insert(1, "parameters", new JsonArray([.. endpoint.Parameters.Select(Parameter)]));
        }

        if (!endpoint.IsOpen)
        {
            operation["security"] = new JsonArray(new JsonObject(), new JsonObject { ["token"] = new JsonArray() });
        }

        return operation;
    }

    private static JsonObject Good(LocalEndpoint endpoint, JsonObject schemas)
    {
        var content = new JsonObject();
        foreach (var type in endpoint.MediaTypes)
        {
            content.Add(type, endpoint.Json is { } json && type == "application/json" ? SchemaOnly(json(AnalyticsJson.Relaxed), schemas) : new JsonObject());
        }

        return new JsonObject { ["description"] = endpoint.Summary, ["content"] = content };
    }

    private static JsonObject Parameter(QueryParameter parameter)
    {
        var schema = new JsonObject { ["type"] = parameter.Type };
        if (parameter.Values.Count > 0)
        {
            schema["enum"] = new JsonArray([.. parameter.Values.Select(value => JsonValue.Create(value))]);
        }

        if (parameter.Default is { } given)
        {
            schema["default"] = parameter.Type == "integer" ? int.Parse(given, CultureInfo.InvariantCulture) : given;
        }

        return new JsonObject
        {
            ["name"] = parameter.Name,
            ["in"] = parameter.IsInPath ? "path" : "query",
            ["required"] = parameter.IsInPath,
            ["description"] = parameter.Meaning,
            ["schema"] = schema,
        };
    }

    private static JsonObject SchemaOnly(JsonTypeInfo type, JsonObject schemas) => new() { ["schema"] = SchemaOf(type, schemas) };

    /// <summary>The schema of a response: an optional property is one that is omitted when null. Objects become named schemas.</summary>
    private static JsonNode SchemaOf(JsonTypeInfo type, JsonObject schemas)
    {
        var schema = type.GetJsonSchemaAsNode(new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = static (context, node) =>
            {
                // The exporter cannot see through the converter of records, and leaves the items of their arrays out.
                if (context.TypeInfo.Type == typeof(RecordJson))
                {
                    return ApiFields.Schema();
                }

                if (context.TypeInfo.ElementType == typeof(RecordJson) && node is JsonObject list)
                {
                    list["items"] = ApiFields.Schema();
                }

                if (context.TypeInfo.Kind == JsonTypeInfoKind.Object && node is JsonObject it && it.ContainsKey("properties"))
                {
                    it["title"] = context.TypeInfo.Type.Name.Replace("Json", "", StringComparison.Ordinal);
                    it["required"] = new JsonArray([.. context.TypeInfo.Properties.Where(property => property.ShouldSerialize is null).Select(
                        property => JsonValue.Create(property.Name))]);
                }

                return node;
            },
        });
        return Shared(schema, schema, schemas);
    }

    /// <summary>
    /// Moves each named object into the schemas and refers to it there. The exporter writes a type once and then points to it by a path from the root
    /// of its own schema, which does not exist inside the document.
    /// </summary>
    private static JsonNode Shared(JsonNode node, JsonNode root, JsonObject schemas)
    {
        switch (node)
        {
            case JsonObject it when it["$ref"]?.GetValue<string>() is { } pointer:
                return Shared(At(root, pointer), root, schemas);
            case JsonObject it when it["title"] is JsonValue title:
                return Named(it, title.GetValue<string>(), root, schemas);
            case JsonObject it:
                return Members(it, root, schemas);
            case JsonArray items:
                return new JsonArray([.. items.Select(item => item is null ? null : Shared(item, root, schemas))]);
            default:
                return node.DeepClone();
        }
    }

    private static JsonObject Named(JsonObject schema, string name, JsonNode root, JsonObject schemas)
    {
        if (!schemas.ContainsKey(name))
        {
            var members = Members(schema, root, schemas);
            members.Remove("title");
            members["type"] = "object";
            schemas[name] = members;
        }

        var reference = new JsonObject { ["$ref"] = Schemas + name };
        return schema["type"] is JsonArray ? new JsonObject { ["oneOf"] = new JsonArray(reference, new JsonObject { ["type"] = "null" }) } : reference;
    }

    private static JsonObject Members(JsonObject schema, JsonNode root, JsonObject schemas) =>
        new(schema.Select(member => KeyValuePair.Create(member.Key, member.Value is null ? null : Shared(member.Value, root, schemas))));

    private static JsonNode At(JsonNode root, string pointer) =>
        pointer.Split('/').Skip(1)
            .Aggregate(root, (node, part) => (node is JsonArray items ? items[int.Parse(part, CultureInfo.InvariantCulture)] : node[part])!);

    private static string Text(int status) => status.ToString(CultureInfo.InvariantCulture);
}
