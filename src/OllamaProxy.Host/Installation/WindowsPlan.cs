using OllamaProxy.Host.Commands.Data;

namespace OllamaProxy.Host.Installation;

/// <summary>
/// Windows: a service with the original program's name. It runs as LocalSystem like the original unless an account is chosen. It uses the installing user's
/// models, because a service account has its own profile.
/// </summary>
internal static class WindowsPlan
{
    public const string Service = "OllamaMetricsProxy";
    public const string DisplayName = "Ollama Metrics Proxy";

    private const string Administrators = "*S-1-5-32-544:(OI)(CI)F";
    private const string LocalSystem = "*S-1-5-18:(OI)(CI)F";

    public static IReadOnlyList<Step> Install(InstallRequest request)
    {
        if (request is { OllamaStartsItself: true, TakeOver: null })
        {
            throw new CommandException(
                $"""
                 Ollama starts by itself when you sign in, and would take port 11434. Add one of these:
                   --take-over        disable that (uninstall enables it again); the service starts Ollama
                   --no-take-over     keep that; with --proxy-port 11433 --ollama-backend-url http://127.0.0.1:11434 the proxy runs next to it
                 """);
        }

        List<Step> steps = [new RemoveWindowsService(Service), new MakeFolder(Programs(request)), new CopyProgram(request.Program, Program(request))];
        foreach (var folder in (string[])[Data(request), Analytics(request), Logs(request)])
        {
            steps.Add(new MakeFolder(folder));
        }

        // Any user may have created that folder before, with other permissions.
        steps.Add(new RunProgram("icacls", [Data(request), "/setowner", "*S-1-5-32-544", "/T", "/L", "/Q"]));
        steps.Add(new RunProgram("icacls", [Data(request), "/reset", "/T", "/L", "/Q"]));
        steps.Add(new RunProgram("icacls", [Data(request), "/inheritance:r", "/grant:r", Administrators, "/grant:r", LocalSystem, .. Grant(request)]));
        if (request is { OllamaStartsItself: true, TakeOver: true })
        {
            // The app restarts a server that is ended alone.
            steps.Add(new RunProgram("taskkill", ["/F", "/IM", "ollama app.exe"], MayFail: true));
            steps.Add(new RunProgram("taskkill", ["/F", "/IM", "ollama.exe"], MayFail: true));
            steps.Add(new MoveFile(Shortcut(request), SavedShortcut(request)));
        }

        steps.Add(new AddEventSource(Service));
        steps.Add(new SetWindowsService(
            Service, DisplayName, "Takes Ollama's port, forwards every byte, and keeps metrics and analytics.", $"\"{Program(request)}\" serve",
                request.Account, Environment(request)));
        steps.Add(new StartWindowsService(Service));
        steps.Add(new AwaitProxy(request.ProxyPort));
        return steps;
    }

    public static IReadOnlyList<Step> Uninstall(InstallRequest request)
    {
        List<Step> steps =
        [
            new RemoveWindowsService(Service),
            new RemoveEventSource(Service),
            new MoveFile(SavedShortcut(request), Shortcut(request)),
            // Windows can move a running program, but not delete it.
            new MoveFile(Program(request), $@"{request.Folders["TEMP"]}\ollama-proxy-uninstalled.exe"),
            new RemoveFolder(Programs(request)),
        ];
        if (request.RemovesData)
        {
            steps.Add(new RemoveFolder(Data(request)));
        }

        return steps;
    }

    /// <summary>The shortcut that starts Ollama's app at sign-in.</summary>
    public static string Shortcut(InstallRequest request) => $@"{request.Folders["APPDATA"]}\Microsoft\Windows\Start Menu\Programs\Startup\Ollama.lnk";

    private static Dictionary<string, string> Environment(InstallRequest request)
    {
        var variables = new Dictionary<string, string>(request.Settings, StringComparer.Ordinal);
        variables.TryAdd("ANALYTICS_DIR", Analytics(request));
        variables.TryAdd("LOG_DIR", Logs(request));
        variables.TryAdd("OLLAMA_MODELS", request.ModelsFolder ?? $@"{request.Home}\.ollama\models");
        if (request.Ollama is { } ollama)
        {
            variables.TryAdd("OLLAMA_EXECUTABLE_PATH", ollama);
        }

        return variables;
    }

    private static string[] Grant(InstallRequest request) => request.Account is { } account ? ["/grant:r", $"{account}:(OI)(CI)M"] : [];

    private static string Programs(InstallRequest request) => $@"{request.Folders["ProgramFiles"]}\OllamaProxy";

    private static string Program(InstallRequest request) => $@"{Programs(request)}\ollama-proxy.exe";

    private static string Data(InstallRequest request) => $@"{request.Folders["ProgramData"]}\OllamaProxy";

    private static string Analytics(InstallRequest request) => $@"{Data(request)}\analytics";

    private static string Logs(InstallRequest request) => $@"{Data(request)}\logs";

    /// <summary>Only administrators can write this folder, because the shortcut is later moved back into Startup.</summary>
    private static string SavedShortcut(InstallRequest request) => $@"{Programs(request)}\Ollama.lnk";
}
