using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Installation;

namespace OllamaProxy.UnitTests.Installation;

public sealed class WindowsPlanTests
{
    private static readonly InstallRequest s_request = new()
    {
        Program = @"C:\Users\jane\Downloads\new folder\ollama-proxy.exe",
        ProxyPort = 11434,
        BackendPort = 11435,
        Home = @"C:\Users\jane",
        User = "jane",
        Ollama = @"C:\Users\jane\AppData\Local\Programs\Ollama\ollama.exe",
        Folders = new Dictionary<string, string>
        {
            ["ProgramFiles"] = @"C:\Program Files",
            ["ProgramData"] = @"C:\ProgramData",
            ["APPDATA"] = @"C:\Users\jane\AppData\Roaming",
            ["TEMP"] = @"C:\Temp",
        },
    };

    [Fact]
    public void The_service_has_the_originals_name_and_folders_and_a_path_with_spaces_is_quoted()
    {
        var service = WindowsPlan.Install(s_request).OfType<SetWindowsService>().Single();

        Assert.Equal(("OllamaMetricsProxy", "\"C:\\Program Files\\OllamaProxy\\ollama-proxy.exe\" serve"), (service.Name, service.CommandLine));
        Assert.Equal(@"C:\ProgramData\OllamaProxy\analytics", service.Environment["ANALYTICS_DIR"]);
        Assert.Equal(@"C:\ProgramData\OllamaProxy\logs", service.Environment["LOG_DIR"]);
        Assert.Null(service.Account);
    }

    [Fact]
    public void The_models_of_the_installing_user_stay_visible()
    {
        Assert.Equal(@"C:\Users\jane\.ollama\models", WindowsPlan.Install(s_request).OfType<SetWindowsService>().Single().Environment["OLLAMA_MODELS"]);
        Assert.Equal(@"D:\models",
            WindowsPlan.Install(s_request with { ModelsFolder = @"D:\models" }).OfType<SetWindowsService>().Single().Environment["OLLAMA_MODELS"]);
    }

    [Fact]
    public void Only_administrators_and_the_service_can_read_the_data()
    {
        var grants = WindowsPlan.Install(s_request with { Account = @"NT SERVICE\OllamaMetricsProxy" }).OfType<RunProgram>()
            .Last(run => run.Program == "icacls").Arguments;

        Assert.Equal([@"C:\ProgramData\OllamaProxy", "/inheritance:r", "/grant:r", "*S-1-5-32-544:(OI)(CI)F", "/grant:r", "*S-1-5-18:(OI)(CI)F", "/grant:r",
            @"NT SERVICE\OllamaMetricsProxy:(OI)(CI)M"], grants);
    }

    [Fact]
    public void Ollamas_autostart_is_disabled_only_with_consent_and_restored_by_an_uninstall()
    {
        var withStart = s_request with { OllamaStartsItself = true };

        Assert.Throws<CommandException>(() => WindowsPlan.Install(withStart));
        Assert.DoesNotContain(WindowsPlan.Install(withStart with { TakeOver = false }), step => step is MoveFile or RunProgram { Program: "taskkill" });
        var away = WindowsPlan.Install(withStart with { TakeOver = true }).OfType<MoveFile>().Single();
        var back = WindowsPlan.Uninstall(withStart).OfType<MoveFile>().Single(move => move.To.EndsWith(".lnk", StringComparison.Ordinal));
        Assert.Equal((away.From, away.To), (back.To, back.From));
        Assert.EndsWith(@"\Startup\Ollama.lnk", away.From, StringComparison.Ordinal);
    }

    [Fact]
    public void Installing_again_replaces_the_service_before_its_file()
    {
        var plan = WindowsPlan.Install(s_request).ToList();

        Assert.True(plan.FindIndex(step => step is RemoveWindowsService) < plan.FindIndex(step => step is CopyProgram));
        Assert.True(plan.FindIndex(step => step is CopyProgram) < plan.FindIndex(step => step is SetWindowsService));
        Assert.IsType<AwaitProxy>(plan[^1]);
    }

    [Fact]
    public void An_uninstall_keeps_the_records_unless_a_purge_is_requested()
    {
        Assert.DoesNotContain(WindowsPlan.Uninstall(s_request), step => step is RemoveFolder { Path: @"C:\ProgramData\OllamaProxy" });
        Assert.Contains(WindowsPlan.Uninstall(s_request with { RemovesData = true }), step => step is RemoveFolder { Path: @"C:\ProgramData\OllamaProxy" });
    }
}
