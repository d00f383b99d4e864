using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>The body of a request, for each API.</summary>
internal static class DemoRequests
{
    private static readonly string s_image = Convert.ToBase64String(new byte[48_000]);

    /// <param name="application">The sending application.</param>
    /// <param name="conversation">The conversation to request.</param>
    /// <param name="model">The model to request.</param>
    /// <param name="earlier">The earlier turns of the same conversation.</param>
    /// <param name="isLong">Whether the document after the question exceeds a small context.</param>
    public static byte[] Body(DemoApplication application, DemoConversation conversation, string model, IReadOnlyList<DemoConversation> earlier, bool isLong)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("model", model);
            Question(writer, application, conversation, earlier, PromptOf(conversation, isLong));
            if (application.Endpoint != ApiEndpoint.Embed)
            {
                writer.WriteBoolean("stream", application.Streams);
                Tools(writer, application.Endpoint, conversation.Topic);
            }

            if (application.Endpoint.Dialect == ApiDialect.Native)
            {
                Options(writer, application);
            }
            else
            {
                Number(writer, application.Endpoint == ApiEndpoint.OpenAiResponses ? "max_output_tokens" : "max_tokens", application.MaxTokens);
                Number(writer, "temperature", application.Temperature);
            }

            if (application.Endpoint == ApiEndpoint.OpenAiChat && earlier.Count == 0)
            {
                writer.WriteStartObject("stream_options");
                writer.WriteBoolean("include_usage", true);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static string PromptOf(DemoConversation conversation, bool isLong) =>
        conversation.Topic == DemoTopic.Documents
            ? $"{conversation.Prompt}\n\n{(isLong ? DemoConversations.LongDocument : DemoConversations.Document)}"
            : conversation.Prompt;

    private static void Question(
        Utf8JsonWriter writer, DemoApplication application, DemoConversation conversation, IReadOnlyList<DemoConversation> earlier, string prompt)
    {
        if (application.Endpoint == ApiEndpoint.Embed || application.Endpoint == ApiEndpoint.Generate)
        {
            writer.WriteString(application.Endpoint == ApiEndpoint.Embed ? "input" : "prompt", prompt);
            return;
        }

        var (isResponses, isMessages) = (application.Endpoint == ApiEndpoint.OpenAiResponses, application.Endpoint == ApiEndpoint.AnthropicMessages);
        if (application.System is { } system && (isResponses || isMessages))
        {
            writer.WriteString(isResponses ? "instructions" : "system", system);
        }

        writer.WriteStartArray(isResponses ? "input" : "messages");
        if (application.System is not null && !isResponses && !isMessages)
        {
            Message(writer, "system", application.System);
        }

        foreach (var turn in earlier)
        {
            Message(writer, "user", turn.Prompt);
            Message(writer, "assistant", turn.Answer.Text);
        }

        Message(writer, "user", prompt, conversation.Topic == DemoTopic.Image ? s_image : null);
        writer.WriteEndArray();
    }

    private static void Message(Utf8JsonWriter writer, string role, string text, string? image = null)
    {
        writer.WriteStartObject();
        writer.WriteString("role", role);
        writer.WriteString("content", text);
        if (image is not null)
        {
            writer.WriteStartArray("images");
            writer.WriteStringValue(image);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    /// <summary>Writes the tools that conversations about the topic use.</summary>
    private static void Tools(Utf8JsonWriter writer, ApiEndpoint endpoint, DemoTopic topic)
    {
        if (topic is not (DemoTopic.Agent or DemoTopic.Home))
        {
            return;
        }

        var isNested = endpoint != ApiEndpoint.AnthropicMessages && endpoint != ApiEndpoint.OpenAiResponses;
        writer.WriteStartArray("tools");
        var tools = DemoConversations.All
            .Where(conversation => conversation.Topic == topic)
            .Select(conversation => conversation.Answer.ToolCall).OfType<SimulatedToolCall>();
        foreach (var tool in tools)
        {
            writer.WriteStartObject();
            if (endpoint != ApiEndpoint.AnthropicMessages)
            {
                writer.WriteString("type", "function");
            }

            if (isNested)
            {
                writer.WriteStartObject("function");
            }

            writer.WriteString("name", tool.Name);
            writer.WriteString("description", $"Runs {tool.Name}.");
            writer.WritePropertyName(endpoint == ApiEndpoint.AnthropicMessages ? "input_schema" : "parameters");
            writer.WriteRawValue("""{"type":"object","properties":{}}""");
            if (isNested)
            {
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Options(Utf8JsonWriter writer, DemoApplication application)
    {
        if (application.KeepAlive is { } keepAlive)
        {
            writer.WriteString("keep_alive", keepAlive);
        }

        writer.WriteStartObject("options");
        Number(writer, "num_ctx", application.ContextLength);
        Number(writer, "num_predict", application.MaxTokens);
        Number(writer, "temperature", application.Temperature);
        writer.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } known)
        {
            writer.WriteNumber(name, known);
        }
    }
}
