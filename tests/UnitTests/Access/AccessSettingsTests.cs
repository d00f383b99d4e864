using OllamaProxy.Host.Configuration;

namespace OllamaProxy.UnitTests.Access;

public sealed class AccessSettingsTests
{
    [Theory]
    [InlineData("too-short")]
    [InlineData("sixteen letters with spaces")]
    [InlineData("sechzehn-zeichen-schön")]
    public void A_wrong_token_is_named_but_never_shown(string token)
    {
        var (_, problems) = EnvironmentVariables.Read(name => name == "ANALYTICS_TOKEN" ? token : null);

        Assert.Equal(["ANALYTICS_TOKEN: must be 16 to 512 visible ASCII characters."], problems);
    }

    [Theory]
    [InlineData("proxy.example", true)]
    [InlineData("proxy.example, my-machine", true)]
    [InlineData("http://proxy.example", false)]
    [InlineData("proxy.example:8080", false)]
    [InlineData("*.example", false)]
    public void Allowed_hosts_are_names_as_in_a_host_header(string hosts, bool isRight)
    {
        var (settings, problems) = EnvironmentVariables.Read(name => name == "PROXY_ALLOWED_HOSTS" ? hosts : null);

        Assert.Equal(isRight, problems.Count == 0);
        Assert.Equal(isRight, settings.Access.AllowedHosts.Count > 0);
    }
}
