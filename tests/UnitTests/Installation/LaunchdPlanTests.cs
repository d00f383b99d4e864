using System.Xml.Linq;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Installation;

namespace OllamaProxy.UnitTests.Installation;

public sealed class LaunchdPlanTests
{
    private static readonly InstallRequest s_request = new()
    {
        Program = "/tmp/ollama-proxy", ProxyPort = 11434, BackendPort = 11435, Home = "/Users/jane & joe", User = "jane", UserId = 501,
        Ollama = "/opt/homebrew/bin/ollama",
    };

    [Fact]
    public void The_agent_is_well_formed_whatever_the_paths_are()
    {
        var text = LaunchdPlan.AgentText(s_request with { Settings = new Dictionary<string, string> { ["PROXY_HOST"] = "<all>" } });

        var values = XDocument.Parse(text).Descendants("string").Select(element => element.Value).ToList();
        Assert.Contains("/Users/jane & joe/Library/Application Support/ollama-proxy/ollama-proxy", values);
        Assert.Contains("<all>", values);
        Assert.Contains("/opt/homebrew/bin/ollama", values);
    }

    [Fact]
    public void Settings_of_an_earlier_installation_are_read_back()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, LaunchdPlan.AgentText(s_request with { Settings = new Dictionary<string, string> { ["PROXY_HOST"] = "<all>" } }));

        var found = EarlierSettings.OfAgent(file);
        File.Delete(file);

        Assert.Equal(("<all>", "/opt/homebrew/bin/ollama"), (found["PROXY_HOST"], found["OLLAMA_EXECUTABLE_PATH"]));
    }

    [Fact]
    public void The_agent_is_loaded_into_the_users_session()
    {
        var plan = LaunchdPlan.Install(s_request);

        Assert.Contains(plan,
            step => step is RunProgram { Program: "launchctl",
            Arguments: ["bootstrap", "gui/501", "/Users/jane & joe/Library/LaunchAgents/ollama-proxy.plist"] });
        Assert.Contains(LaunchdPlan.Uninstall(s_request), step => step is RunProgram { Arguments: ["bootout", "gui/501/ollama-proxy"] });
    }

    [Fact]
    public void An_Ollama_app_that_would_take_the_port_stops_the_install() =>
        Assert.Contains("Login Items", Assert.Throws<CommandException>(() => LaunchdPlan.Install(s_request with { OllamaStartsItself = true })).Message,
            StringComparison.Ordinal);
}
