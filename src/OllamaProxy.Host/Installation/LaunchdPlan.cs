using System.Globalization;
using System.Security;
using System.Text;
using OllamaProxy.Host.Commands.Data;

namespace OllamaProxy.Host.Installation;

/// <summary>macOS: a launchd agent of the installing user, because Ollama runs as that user too.</summary>
internal static class LaunchdPlan
{
    public const string Label = "ollama-proxy";

    public static IReadOnlyList<Step> Install(InstallRequest request)
    {
        if (request is { OllamaStartsItself: true, TakeOver: not false, ProxyPort: 11434 })
        {
            throw new CommandException(
                "The Ollama app starts Ollama on port 11434. Quit it and switch off its start at login (System Settings, Login Items; for Homebrew: brew "
                + "services stop ollama), "
                + "then install again with --no-take-over; or put the proxy beside it: --no-take-over --proxy-port 11433 --ollama-backend-url "
                + "http://127.0.0.1:11434");
        }

        return
        [
            new MakeFolder(Support(request)),
            new MakeFolder(Logs(request)),
            new CopyProgram(request.Program, Program(request)),
            new WriteText(Agent(request), AgentText(request), IsPrivate: true),
            new RunProgram("launchctl", ["bootout", Target(request)], MayFail: true),
            new RunProgram("launchctl", ["bootstrap", Domain(request), Agent(request)]),
            new AwaitProxy(request.ProxyPort),
        ];
    }

    public static IReadOnlyList<Step> Uninstall(InstallRequest request)
    {
        List<Step> steps = [new RunProgram("launchctl", ["bootout", Target(request)], MayFail: true), new RemoveFile(Agent(request)),
            new RemoveFile(Program(request))];
        if (request.RemovesData)
        {
            steps.AddRange([new RemoveFolder(Support(request)), new RemoveFolder(Logs(request))]);
        }

        return steps;
    }

    internal static string AgentText(InstallRequest request)
    {
        var variables = new SortedDictionary<string, string>(request.Settings.ToDictionary(), StringComparer.Ordinal);
        variables.TryAdd("ANALYTICS_DIR", $"{Support(request)}/analytics");
        variables.TryAdd("LOG_DIR", Logs(request));
        if (request.ModelsFolder is { } models)
        {
            variables.TryAdd("OLLAMA_MODELS", models);
        }

        if (request.Ollama is { } ollama)
        {
            variables.TryAdd("OLLAMA_EXECUTABLE_PATH", ollama);
        }

        var text = new StringBuilder();
        foreach (var (name, value) in variables)
        {
            text.Append(CultureInfo.InvariantCulture, $"    <key>{SecurityElement.Escape(name)}</key><string>{SecurityElement.Escape(value)}</string>\n");
        }

        return $"""
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
            <plist version="1.0">
            <dict>
              <key>Label</key><string>{Label}</string>
              <key>ProgramArguments</key>
              <array><string>{SecurityElement.Escape(Program(request))}</string><string>serve</string></array>
              <key>EnvironmentVariables</key>
              <dict>
            {text}  </dict>
              <key>WorkingDirectory</key><string>{SecurityElement.Escape(Support(request))}</string>
              <key>RunAtLoad</key><true/>
              <key>KeepAlive</key>
              <dict><key>SuccessfulExit</key><false/></dict>
              <key>ThrottleInterval</key><integer>5</integer>
              <key>ExitTimeOut</key><integer>60</integer>
              <key>ProcessType</key><string>Interactive</string>
            </dict>
            </plist>

            """;
    }

    private static string Support(InstallRequest request) => $"{request.Home}/Library/Application Support/ollama-proxy";

    private static string Logs(InstallRequest request) => $"{request.Home}/Library/Logs/ollama-proxy";

    private static string Program(InstallRequest request) => $"{Support(request)}/ollama-proxy";

    private static string Agent(InstallRequest request) => Agent(request.Home);

    public static string Agent(string home) => $"{home}/Library/LaunchAgents/{Label}.plist";

    private static string Domain(InstallRequest request) => string.Create(CultureInfo.InvariantCulture, $"gui/{request.UserId}");

    private static string Target(InstallRequest request) => $"{Domain(request)}/{Label}";
}
