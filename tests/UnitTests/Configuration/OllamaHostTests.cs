using OllamaProxy.Host.Configuration;

namespace OllamaProxy.UnitTests.Configuration;

public sealed class OllamaHostTests
{
    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", 11434)]
    [InlineData("localhost", "localhost", 11434)]
    [InlineData("0.0.0.0", "0.0.0.0", 11434)]
    [InlineData(":11435", "", 11435)]
    [InlineData("[::]:11435", "::", 11435)]
    [InlineData("::1", "::1", 11434)]
    [InlineData("[::1]", "::1", 11434)]
    [InlineData("http://127.0.0.1:11435/sub/path", "127.0.0.1", 11435)]
    [InlineData("http://127.0.0.1", "127.0.0.1", 80)]
    [InlineData("https://127.0.0.1", "127.0.0.1", 443)]
    [InlineData(" \"127.0.0.1:11435\" ", "127.0.0.1", 11435)]
    [InlineData("127.0.0.1:99999", "127.0.0.1", 11434)]
    [InlineData("127.0.0.1:abc", "127.0.0.1", 11434)]
    public void The_variable_is_parsed_as_Ollama_parses_it(string text, string host, int port) =>
        Assert.Equal((host, port), OllamaHost.Parse(text));

    [Theory]
    [InlineData("127.0.0.1:11434")]
    [InlineData("0.0.0.0")]
    [InlineData("http://localhost:11434")]
    public void The_proxys_own_port_is_ignored_with_a_notice(string text)
    {
        var (settings, problems) = Read(("OLLAMA_HOST", text));

        Assert.Empty(problems);
        Assert.Equal(11435, settings.Ollama.BackendPort);
        Assert.Contains("OLLAMA_HOST", Assert.Single(settings.Notices), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.0.2.7:11434")]
    [InlineData("ollama.example.com")]
    [InlineData("http://gpu-box:11434")]
    public void Another_machine_is_an_error_that_points_to_the_right_variable(string text) =>
        Assert.Contains("OLLAMA_BACKEND_URL", Assert.Single(Read(("OLLAMA_HOST", text)).Problems), StringComparison.Ordinal);

    [Fact]
    public void Another_machine_is_fine_once_the_backend_is_named() =>
        Assert.Empty(Read(("OLLAMA_HOST", "ollama.example.com"), ("OLLAMA_BACKEND_URL", "http://ollama.example.com:11434")).Problems);

    [Fact]
    public void Another_local_port_is_where_Ollama_goes()
    {
        var settings = Read(("OLLAMA_HOST", "0.0.0.0:12345")).Settings;

        Assert.Equal((12345, true), (settings.Ollama.BackendPort, settings.Ollama.BackendPortChosen));
    }

    [Theory]
    [InlineData("0.0.0.0:12345", "0.0.0.0", 1)]
    [InlineData(":12345", "[::]", 1)]
    [InlineData("[::]:12345", "[::]", 1)]
    [InlineData("[::1]:12345", "[::1]", 0)]
    [InlineData("localhost:12345", "127.0.0.1", 0)]
    [InlineData("127.0.0.1:12345", "127.0.0.1", 0)]
    public void Ollama_binds_the_configured_address_and_a_public_one_gives_a_notice(string text, string bind, int notices)
    {
        var settings = Read(("OLLAMA_HOST", text)).Settings;

        Assert.Equal(bind, settings.Ollama.BindHost);
        Assert.Equal(notices, settings.Notices.Count);
    }

    [Fact]
    public void An_ignored_value_does_not_make_Ollama_listen_publicly() => Assert.Equal("127.0.0.1", Read(("OLLAMA_HOST", "0.0.0.0")).Settings.Ollama.BindHost);

    [Fact]
    public void An_explicit_backend_port_takes_precedence()
    {
        var settings = Read(("OLLAMA_HOST", "0.0.0.0:12345"), ("OLLAMA_BACKEND_PORT", "12346")).Settings;

        Assert.Equal(12346, settings.Ollama.BackendPort);
        Assert.Single(settings.Notices);
    }

    private static (ProxySettings Settings, IReadOnlyList<string> Problems) Read(params (string Name, string Value)[] variables) =>
        EnvironmentVariables.Read(name => Array.Find(variables, variable => variable.Name == name).Value);
}
