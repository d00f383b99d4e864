using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Supervision;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Compares the OpenAPI document with real responses.</summary>
public sealed class OpenApiTests
{
    /// <summary>Requests that together get every successful response, and some problems.</summary>
    private static readonly (string Method, string Path)[] s_requests =
    [
        ("GET", "/analytics"),
        ("GET", "/analytics/stats?step=1h"),
        ("GET", "/analytics/stats?groups=none"),
        ("GET", "/analytics/stats/enhanced?inference=all&hours=87600"),
        ("GET", "/analytics/search"),
        ("GET", "/analytics/search?limit=1"),
        ("GET", "/analytics/messages"),
        ("GET", "/analytics/messages/{id}"),
        ("GET", "/analytics/messages/999999"),
        ("GET", "/analytics/models"),
        ("GET", "/analytics/export"),
        ("GET", "/analytics/export?format=csv"),
        ("GET", "/analytics/ollama"),
        ("GET", "/analytics/openapi.json"),
        ("GET", "/analytics/search?limit=x&modle=y"),
        ("GET", "/test"),
        ("DELETE", "/analytics/messages?model=nobody"),
        ("DELETE", "/analytics/messages/{id}"),
        ("DELETE", "/analytics/messages"),
    ];

    [Fact]
    public async Task Every_response_matches_its_schema()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address);
        using var asked = await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "tiny", prompt = "Explain this" });
        await asked.Content.ReadAsByteArrayAsync();
        var found = default(JsonElement);
        await Eventually.TrueAsync(async () => (found = (await proxy.GetAsync("/analytics/search")).GetProperty("results")).GetArrayLength() > 0);
        await proxy.Services.GetRequiredService<OllamaWatch>().PollAsync(TestContext.Current.CancellationToken);
        var id = found[0].GetProperty("id").GetInt64();
        var document = await proxy.GetAsync("/analytics/openapi.json");

        foreach (var (method, path) in s_requests)
        {
            using var answer = await proxy.Client.SendAsync(
                new HttpRequestMessage(new HttpMethod(method), path.Replace("{id}", $"{id}", StringComparison.Ordinal)));
            var described = document.GetProperty("paths").GetProperty(path.Split('?')[0].Replace("999999", "{id}", StringComparison.Ordinal))
                .GetProperty(method.ToLowerInvariant())
                .GetProperty("responses").GetProperty($"{(int)answer.StatusCode}").GetProperty("content")
                    .GetProperty(answer.Content.Headers.ContentType!.MediaType!);
            if (described.TryGetProperty("schema", out var schema))
            {
                AssertMatches(await answer.Content.ReadFromJsonAsync<JsonElement>(), schema, document, $"{method} {path}");
            }
        }
    }

    [Fact]
    public async Task Every_path_and_method_of_the_table_is_described_and_tested()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody, ProxyUnderTest.NoStore);

        var document = await proxy.GetAsync("/analytics/openapi.json");
        var described = document.GetProperty("paths").EnumerateObject().SelectMany(
            path => path.Value.EnumerateObject().Select(method => $"{method.Name.ToUpperInvariant()} {path.Name}")).ToList();

        Assert.Equal("3.1.0", document.GetProperty("openapi").GetString());
        Assert.Equal(Host.Analytics.LocalEndpoints.All.Select(endpoint => $"{endpoint.Method} {endpoint.Path}").Order(), described.Order());
        // Other responses have no JSON to compare.
        string[] tried = [.. s_requests.Select(request => $"{request.Method} {request.Path.Split('?')[0]}"), "GET /analytics/live", "GET /analytics/login",
            "POST /analytics/login", "POST /analytics/logout"];
        Assert.Empty(described.Except(tried));
    }

    /// <summary>The page is compiled against types generated from the document, so a renamed property breaks the build and not the views.</summary>
    [Fact]
    public async Task The_types_of_the_page_match_the_OpenAPI_document()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody, ProxyUnderTest.NoStore);
        string[] arguments = [Repository.PathOf("tests", "dashboard", "api-types.mjs"), proxy.Address.ToString(), "--check"];

        using var check = Process.Start(new ProcessStartInfo("node", arguments) { RedirectStandardError = true })!;
        var error = await check.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await check.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(check.ExitCode == 0, error);
    }

    /// <summary>The part of JSON Schema that the document uses; it rejects undescribed properties.</summary>
    private static void AssertMatches(JsonElement value, JsonElement schema, JsonElement document, string where)
    {
        if (schema.TryGetProperty("oneOf", out var choices))
        {
            // oneOf describes an object or null.
            schema = value.ValueKind == JsonValueKind.Null ? choices[1] : choices[0];
        }

        if (schema.TryGetProperty("$ref", out var reference))
        {
            schema = document.GetProperty("components").GetProperty("schemas").GetProperty(reference.GetString()!.Split('/')[^1]);
        }

        string[] types = !schema.TryGetProperty("type", out var type)
            ? []
            : type.ValueKind == JsonValueKind.Array
            ? [.. type.EnumerateArray().Select(name => name.GetString()!)]
            : [type.GetString()!];
        Assert.True(types.Length == 0 || types.Any(name => Is(value, name)), $"{where}: {value.GetRawText()} is not {string.Join(" or ", types)}");
        if (value.ValueKind == JsonValueKind.Object)
        {
            if (schema.TryGetProperty("required", out var required))
            {
                Assert.All(required.EnumerateArray(), name => Assert.True(value.TryGetProperty(name.GetString()!, out _), $"{where}: {name} is missing"));
            }

            foreach (var property in value.EnumerateObject())
            {
                var part = schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(property.Name, out var known) ? known
                    : schema.TryGetProperty("additionalProperties", out var other) ? other
                    : throw new InvalidOperationException($"{where}: {property.Name} is not described");
                AssertMatches(property.Value, part, document, $"{where}.{property.Name}");
            }
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            Assert.All(value.EnumerateArray(), item => AssertMatches(item, schema.GetProperty("items"), document, $"{where}[]"));
        }
        else if (value.ValueKind == JsonValueKind.String && schema.TryGetProperty("format", out var format) && format.GetString() == "date-time")
        {
            Assert.True(value.TryGetDateTimeOffset(out _), $"{where}: {value} is no time");
        }
    }

    private static bool Is(JsonElement value, string type) => type switch
    {
        "null" => value.ValueKind == JsonValueKind.Null,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "string" => value.ValueKind == JsonValueKind.String,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        "number" => value.ValueKind == JsonValueKind.Number,
        "array" => value.ValueKind == JsonValueKind.Array,
        "object" => value.ValueKind == JsonValueKind.Object,
        _ => false,
    };
}
