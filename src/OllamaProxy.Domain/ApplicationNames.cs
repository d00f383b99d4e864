using System.Buffers;
using System.Collections.Frozen;

namespace OllamaProxy.Domain;

/// <summary>
/// The application that a User-Agent names. Clients have no accounts, so this is the best answer to who is asking. The set of names is open (a client can
/// call itself anything): good for a record, never for a metric's label.
/// </summary>
public static class ApplicationNames
{
    private const int MaxName = 40;

    /// <summary>What is behind this is not looked at.</summary>
    private const int Inspected = 1_000;

    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    /// <summary>Applications, which often name themselves behind the library or browser they are made of. The first that occurs decides.</summary>
    private static readonly (string Product, string Name)[] s_applications =
    [
        ("open webui", "open-webui"), ("open-webui", "open-webui"), ("openwebui", "open-webui"),
        ("claude-cli", "claude-code"), ("claude-code", "claude-code"), ("opencode", "opencode"), ("aider", "aider"), ("goose", "goose"),
        ("codex_cli_rs", "codex"), ("codex_exec", "codex"), ("codex_vscode", "codex"), ("codex-tui", "codex"), ("codex", "codex"),
        ("githubcopilotchat", "github-copilot"), ("githubcopilot", "github-copilot"), ("github-copilot", "github-copilot"), ("copilot-chat", "github-copilot"),
        ("roo-code", "roo-code"), ("roocode", "roo-code"), ("kilo-code", "kilo-code"), ("kilocode", "kilo-code"), ("cline", "cline"), ("continue", "continue"),
        ("cursor", "cursor"), ("zed", "zed"), ("tabby", "tabby"), ("twinny", "twinny"),
        ("homeassistant", "home-assistant"), ("home-assistant", "home-assistant"), ("n8n", "n8n"), ("node-red", "node-red"), ("frigate", "frigate"),
        ("dify", "dify"), ("flowise", "flowise"), ("langflow", "langflow"), ("nextcloud", "nextcloud"), ("paperless-ngx", "paperless-ngx"),
        ("anythingllm", "anything-llm"), ("anything-llm", "anything-llm"), ("librechat", "librechat"), ("lobechat", "lobe-chat"), ("lobe-chat", "lobe-chat"),
        ("obsidian", "obsidian"), ("cherrystudio", "cherry-studio"), ("chatbox", "chatbox"), ("enchanted", "enchanted"), ("raycast", "raycast"),
        ("msty", "msty"),
        ("crewai", "crewai"), ("autogen", "autogen"), ("haystack", "haystack"), ("semantic-kernel", "semantic-kernel"), ("litellm", "litellm"),
        ("ai-sdk", "ai-sdk"),
        ("langchain", "langchain"), ("langchainjs", "langchain"), ("langchain-ollama", "langchain"),
        ("llama_index", "llama-index"), ("llama-index", "llama-index"), ("llamaindex", "llama-index"),
        ("code", "vscode"), ("electron", "electron"),
    ];

    /// <summary>All of them at once: most user agents hold none.</summary>
    private static readonly SearchValues<string> s_anyApplication = SearchValues.Create([.. s_applications.Select(application => application.Product)],
        StringComparison.OrdinalIgnoreCase);

    /// <summary>Clients and libraries that name themselves first. What is not here keeps the name it gives itself.</summary>
    private static readonly FrozenDictionary<string, string> s_products = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["ollama"] = "ollama-cli",
        ["ollama-python"] = "ollama-python",
        ["ollama-js"] = "ollama-js",
        ["OpenAI/Python"] = "openai-python",
        ["AsyncOpenAI/Python"] = "openai-python",
        ["AzureOpenAI/Python"] = "openai-python",
        ["AsyncAzureOpenAI/Python"] = "openai-python",
        ["OpenAI/JS"] = "openai-js",
        ["AzureOpenAI/JS"] = "openai-js",
        ["OpenAI/Go"] = "openai-go",
        ["OpenAI/Java"] = "openai-java",
        ["OpenAI"] = "openai",
        ["Anthropic/Python"] = "anthropic-python",
        ["AsyncAnthropic/Python"] = "anthropic-python",
        ["Anthropic/JS"] = "anthropic-js",
        ["Anthropic/Go"] = "anthropic-go",
        ["Anthropic/Java"] = "anthropic-java",
        ["Anthropic"] = "anthropic",
        ["Mozilla"] = "browser",
        ["Opera"] = "browser",
        ["PostmanRuntime"] = "postman",
        ["curl"] = "curl",
        ["Wget"] = "wget",
        ["HTTPie"] = "httpie",
        ["python-requests"] = "python-requests",
        ["python-httpx"] = "python-httpx",
        ["aiohttp"] = "aiohttp",
        ["node"] = "node",
        ["undici"] = "node",
        ["node-fetch"] = "node-fetch",
        ["axios"] = "axios",
        ["Bun"] = "bun",
        ["Deno"] = "deno",
        ["Go-http-client"] = "go-http-client",
        ["okhttp"] = "okhttp",
        ["Apache-HttpClient"] = "apache-httpclient",
        ["Java-http-client"] = "java-http-client",
        ["Prometheus"] = "prometheus",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenDictionary<string,
        string>.AlternateLookup<ReadOnlySpan<char>> s_productsBySpan = s_products.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The application's name: a known one, else what the user agent calls itself when that can be a name; null without one.</summary>
    public static string? Of(string? userAgent)
    {
        var text = userAgent.AsSpan().Trim();
        text = text[..Math.Min(text.Length, Inspected)];
        if (text.ContainsAny(s_anyApplication))
        {
            foreach (var (product, name) in s_applications)
            {
                if (HasProduct(text, product))
                {
                    return name;
                }
            }
        }

        // A language says less than the library behind it: Python/3.12 aiohttp/3.10.
        var first = FirstWord(text);
        if (first.StartsWith("Python/", StringComparison.OrdinalIgnoreCase) && FirstWord(text[first.Length..].TrimStart()) is { IsEmpty: false } second)
        {
            first = second;
        }

        return s_productsBySpan.TryGetValue(first, out var known) || s_productsBySpan.TryGetValue(WithoutVersion(first), out known)
            ? known
            : OwnName(WithoutVersion(first));
    }

    private static string? OwnName(ReadOnlySpan<char> product) =>
        product.Length is > 0 and <= MaxName && char.IsAsciiLetter(product[0]) && !product.ContainsAnyExcept(s_nameCharacters) ? product.ToString() : null;

    private static ReadOnlySpan<char> FirstWord(ReadOnlySpan<char> text) => text.IndexOfAny(' ', '(') is var end and >= 0 ? text[..end] : text;

    private static ReadOnlySpan<char> WithoutVersion(ReadOnlySpan<char> word) => word.IndexOf('/') is var end and >= 0 ? word[..end] : word;

    /// <summary>True where a product begins the text or has a version behind it; a word of a comment is neither.</summary>
    private static bool HasProduct(ReadOnlySpan<char> text, string product)
    {
        for (var from = 0; text[from..].IndexOf(product, StringComparison.OrdinalIgnoreCase) is var found and >= 0; from += found + 1)
        {
            var (start, end) = (from + found, from + found + product.Length);
            if (start == 0
                ? end == text.Length || !s_nameCharacters.Contains(text[end])
                : !s_nameCharacters.Contains(text[start - 1]) && end < text.Length && text[end] == '/')
            {
                return true;
            }
        }

        return false;
    }
}
