using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class ApplicationNamesTests
{
    [Theory]
    [InlineData("ollama/0.32.15 (amd64 linux) Go/go1.24.1", "ollama-cli")]
    [InlineData("ollama-python/0.6.0 (x86_64 linux) Python/3.12.3", "ollama-python")]
    [InlineData("ollama-js/0.6.0 (x64 linux Node.js/v20.19.0)", "ollama-js")]
    [InlineData("Open WebUI (https://github.com/open-webui/open-webui)", "open-webui")]
    [InlineData("OpenAI/Python 1.109.1", "openai-python")]
    [InlineData("AsyncOpenAI/Python 1.109.1", "openai-python")]
    [InlineData("OpenAI/JS 6.2.0", "openai-js")]
    [InlineData("OpenAI/2.1.0 (.NET 9.0.0; Linux)", "openai")]
    [InlineData("Anthropic/JS 0.60.0", "anthropic-js")]
    [InlineData("AsyncAnthropic/Python 0.60.0", "anthropic-python")]
    [InlineData("claude-cli/2.1.2 (external, cli)", "claude-code")]
    [InlineData("codex_cli_rs/0.38.0 (Ubuntu 24.04; x86_64) WindowsTerminal", "codex")]
    [InlineData("GitHubCopilotChat/0.31.0", "github-copilot")]
    [InlineData("Roo-Code 3.28.0", "roo-code")]
    [InlineData("Cline/3.74.0", "cline")]
    [InlineData("Continue/1.2.0", "continue")]
    [InlineData("langchain/0.3 OpenAI/Python 1.1", "langchain")]
    [InlineData("llama-index/0.12", "llama-index")]
    [InlineData("HomeAssistant/2026.8.1 aiohttp/3.12 Python/3.13", "home-assistant")]
    [InlineData("n8n", "n8n")]
    [InlineData("curl/8.5.0", "curl")]
    [InlineData("PostmanRuntime/7.43.0", "postman")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "browser")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) obsidian/1.9.10 Chrome/138 Electron/37.3.1 Safari/537.36", "obsidian")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) Code/1.104.0 Chrome/138 Electron/37.3.1", "vscode")]
    [InlineData("Python/3.12 aiohttp/3.10.2", "aiohttp")]
    [InlineData("python-requests/2.32.3", "python-requests")]
    [InlineData("python-httpx/0.28.1", "python-httpx")]
    [InlineData("Go-http-client/1.1", "go-http-client")]
    [InlineData("okhttp/4.12.0", "okhttp")]
    [InlineData("node", "node")]
    public void Well_known_user_agents_have_the_name_of_their_application(string userAgent, string application) =>
        Assert.Equal(application, ApplicationNames.Of(userAgent));

    [Theory]
    [InlineData("MyTool/1.0 (runs on node; uses code, continue and curl) python-httpx/0.28", "MyTool")]
    [InlineData("my.tool_2-x", "my.tool_2-x")]
    [InlineData("not-cline/1.0", "not-cline")]
    [InlineData("Python/3.12", "Python")]
    public void Another_application_has_the_name_in_its_user_agent(string userAgent, string application) =>
        Assert.Equal(application, ApplicationNames.Of(userAgent));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("/1.0")]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("=cmd|' /C calc'!A0")]
    [InlineData("8f14e45fceea167a5a36dedd4bea2543")]
    [InlineData("J\u00fcrgens-App/1.0")]
    [InlineData("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz/1.0")]
    public void A_user_agent_without_a_valid_name_gives_none(string? userAgent) => Assert.Null(ApplicationNames.Of(userAgent));

    [Fact]
    public void A_user_agent_without_end_is_read_only_up_to_a_limit() => Assert.Null(ApplicationNames.Of(new string('a', 1_000_000) + " curl/8.5"));
}
