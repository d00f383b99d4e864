using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Installation;

namespace OllamaProxy.UnitTests.Installation;

public sealed class SystemdPlanTests
{
    private static readonly InstallRequest s_alone = new() { Program = "/tmp/ollama-proxy", ProxyPort = 11434, BackendPort = 11435, Home = "/home/jane",
        User = "jane" };
    private static readonly InstallRequest s_besideUnit = s_alone with { OllamaStartsItself = true };

    [Fact]
    public void Ollamas_unit_is_moved_to_another_port_only_with_consent()
    {
        var refusal = Assert.Throws<CommandException>(() => SystemdPlan.Install(s_besideUnit));
        Assert.Contains("--take-over", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<CommandException>(() => SystemdPlan.Install(s_besideUnit with { TakeOver = false }));

        var plan = SystemdPlan.Install(s_besideUnit with { TakeOver = true });
        Assert.Contains("OLLAMA_HOST=127.0.0.1:11435", Assert.Single(plan.OfType<WriteText>(), write => write.Path == SystemdPlan.DropIn).Text,
            StringComparison.Ordinal);
        Assert.Contains(plan, step => step is RunProgram { Program: "systemctl", Arguments: ["restart", "ollama.service"] });
    }

    [Fact]
    public void Without_consent_an_earlier_move_of_Ollamas_unit_is_reverted()
    {
        var plan = SystemdPlan.Install(s_besideUnit with { TakeOver = false, ProxyPort = 11433 });

        Assert.DoesNotContain(plan, step => step is WriteText { Path: SystemdPlan.DropIn });
        Assert.Contains(plan, step => step is RemoveFile { Path: SystemdPlan.DropIn });
        Assert.Contains("\nOLLAMA_BACKEND_URL=http://127.0.0.1:11434\n", plan.OfType<SetVariables>().Single().Text, StringComparison.Ordinal);
        Assert.Equal("http://127.0.0.1:11434", plan.OfType<SetVariables>().Single().Variables["OLLAMA_BACKEND_URL"]);
    }

    [Fact]
    public void A_packaged_executable_runs_from_where_the_package_installed_it()
    {
        var request = s_alone with { Program = SystemdPlan.Packaged };

        Assert.Contains("\nExecStart=/usr/bin/ollama-proxy serve\n", SystemdPlan.UnitText(request), StringComparison.Ordinal);
        Assert.DoesNotContain(SystemdPlan.Install(request), step => step is CopyProgram);
        Assert.Contains("\nExecStart=/usr/local/bin/ollama-proxy serve\n", SystemdPlan.UnitText(s_alone), StringComparison.Ordinal);
        Assert.Contains(SystemdPlan.Install(s_alone), step => step is CopyProgram);
    }

    [Theory]
    [InlineData("/data/50% off", "/data/50%% off")]
    [InlineData("/data/\"x\\y", "/data/\\\"x\\\\y")]
    public void A_value_in_the_unit_is_escaped(string folder, string quoted) =>
        Assert.Contains($"\nEnvironment=\"OLLAMA_MODELS={quoted}\"\n", SystemdPlan.UnitText(s_alone with { ModelsFolder = folder }), StringComparison.Ordinal);

    [Fact]
    public void Nothing_in_a_value_can_add_a_line_to_the_unit()
    {
        Assert.Throws<CommandException>(() => SystemdPlan.UnitText(s_alone with { ModelsFolder = "/x\nExecStartPre=/bin/evil" }));
        foreach (var account in (string[])["jane\nExecStartPre=/bin/evil", "jane\r", "ja ne", "%u", "", "-x"])
        {
            Assert.Throws<CommandException>(() => SystemdPlan.UnitText(s_alone with { Account = account }));
            Assert.Throws<CommandException>(() => SystemdPlan.UnitText(s_besideUnit with { Account = account }));
        }
    }

    [Fact]
    public void A_proxy_that_starts_Ollama_runs_as_the_user_who_owns_the_models()
    {
        var unit = SystemdPlan.UnitText(s_alone);

        Assert.Contains("\nUser=jane\n", unit, StringComparison.Ordinal);
        Assert.DoesNotContain("ProtectSystem=strict", unit, StringComparison.Ordinal);
        Assert.Contains("\nEnvironment=\"OLLAMA_MODELS=/srv/models\"\n", SystemdPlan.UnitText(s_alone with { ModelsFolder = "/srv/models" }),
            StringComparison.Ordinal);
        Assert.DoesNotContain("DynamicUser", unit, StringComparison.Ordinal);
        Assert.DoesNotContain("PrivateDevices", unit, StringComparison.Ordinal);
        Assert.Contains("\nDynamicUser=yes\n", SystemdPlan.UnitText(s_besideUnit), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_become_settings_of_the_service()
    {
        var settings = new Dictionary<string, string> { ["PROXY_HOST"] = "0.0.0.0", ["ANALYTICS_REDACT_PATTERNS"] = "a \"b\" $c" };

        var text = SystemdPlan.SettingsText(s_alone with { Settings = settings });

        Assert.Contains("\nPROXY_HOST=0.0.0.0\n", text, StringComparison.Ordinal);
        Assert.Contains("\nANALYTICS_REDACT_PATTERNS=\"a \\\"b\\\" \\$c\"\n", text, StringComparison.Ordinal);
        Assert.Contains("\nANALYTICS_DIR=/var/lib/ollama-proxy\n", text, StringComparison.Ordinal);
        Assert.Contains("\n#PROXY_PORT=11434\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_existing_settings_file_keeps_every_setting_that_was_not_given_as_an_option()
    {
        const string Text = "# mine\nPROXY_PORT=1\n#LOG_LEVEL=info\nPROXY_PORT=2\nOTHER=x\n";

        Assert.Equal("# mine\nPROXY_PORT=1\nLOG_LEVEL=warn\nPROXY_PORT=3\nOTHER=x\nLOG_DIR=/l\n",
            EnvironmentFile.With(Text, new Dictionary<string, string> { ["PROXY_PORT"] = "3", ["LOG_LEVEL"] = "warn", ["LOG_DIR"] = "/l" }));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("a \"b\" $c `d` \\ 'e' #f; g")]
    public void A_written_setting_is_read_back_unchanged(string value) =>
        Assert.Equal(value, EnvironmentFile.Read($"# x\n#A=1\nA=2\n{EnvironmentFile.Line("A", value)}\n")["A"]);

    [Fact]
    public void An_uninstall_restores_Ollamas_port_and_keeps_the_data_unless_a_purge_is_requested()
    {
        var plan = SystemdPlan.Uninstall(s_besideUnit with { TakeOver = true });

        Assert.Contains(plan, step => step is RemoveFile { Path: SystemdPlan.DropIn });
        Assert.Contains(plan, step => step is RunProgram { Arguments: ["restart", "ollama.service"] });
        Assert.DoesNotContain(plan, step => step is RemoveFolder);
        Assert.DoesNotContain(SystemdPlan.Uninstall(s_besideUnit with { TakeOver = false }),
            step => step is RunProgram { Arguments: ["restart", "ollama.service"] });
        Assert.Contains(SystemdPlan.Uninstall(s_alone with { RemovesData = true }), step => step is RemoveFolder { Path: SystemdPlan.Data });
    }
}
