using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Installation;

/// <summary><c>ollama-proxy install</c> and <c>uninstall</c>: inspects the machine, makes a plan, and runs or only prints its steps.</summary>
internal static class InstallCommand
{
    private const string SystemdFolder = "/run/systemd/system";

    /// <param name="settings">The settings of the service.</param>
    /// <param name="values">The sources of the settings: options are passed on to the service.</param>
    /// <param name="options">The requested actions.</param>
    /// <param name="cancellationToken">Cancels between steps.</param>
    public static async Task<int> RunAsync(ProxySettings settings, SettingValues values, InstallOptions options, CancellationToken cancellationToken)
    {
        var request = Inspect(settings, values, options);
        if (request is { OllamaStartsItself: true, TakeOver: null } && !options.IsUninstall && !Console.IsInputRedirected)
        {
            request = request with { TakeOver = await AskAsync(request, cancellationToken) };
        }

        if (options is { System: "macos", Root: null, IsDryRun: false } && Environment.IsPrivilegedProcess)
        {
            return await Terminal.FailAsync("the agent and Ollama belong to your user: run this without sudo.");
        }

        var plan = PlanOf(options, request);
        string[] secrets = [.. EnvironmentVariables.SecretNames(name => request.Settings.GetValueOrDefault(name)).Select(name => request.Settings[name])];
        if (options.IsDryRun)
        {
            foreach (var step in plan)
            {
                await Console.Out.WriteLineAsync(Hidden($"- {step.Says}", secrets));
                var text = (step as WriteText)?.Text ?? (step as SetVariables)?.Text;
                foreach (var line in text?.TrimEnd().Split('\n') ?? [])
                {
                    await Console.Out.WriteLineAsync(Hidden($"    {line}", secrets));
                }
            }

            return ExitCodes.Success;
        }

        if (options.Root is null && !OperatingSystem.IsMacOS() && !Environment.IsPrivilegedProcess)
        {
            return await Terminal.FailAsync(OperatingSystem.IsWindows()
                ? "this needs administrator rights: run it in a terminal opened as administrator, or use install-service-launcher.bat. --dry-run shows the "
                    + "steps."
                : "this needs root: sudo ollama-proxy install. --dry-run shows the steps.");
        }

        await new StepRunner(options.Root, text => Hidden(text, secrets)).RunAsync(plan, cancellationToken);
        await Console.Out.WriteLineAsync(options.IsUninstall
            ? options.RemovesData ? "Uninstalled, with its data." : "Uninstalled. Records, settings and logs are kept; uninstall --remove-data removes them."
            : "Installed. 'ollama-proxy status' shows its state.");
        return ExitCodes.Success;
    }

    private static string Hidden(string text, string[] secrets) =>
        secrets.Aggregate(text, (shown, secret) => shown.Replace(secret, EnvironmentVariables.Hidden, StringComparison.Ordinal));

    private static IReadOnlyList<Step> PlanOf(InstallOptions options, InstallRequest request) => options.System switch
    {
        "windows" => options.IsUninstall ? WindowsPlan.Uninstall(request) : WindowsPlan.Install(request),
        "macos" => options.IsUninstall ? LaunchdPlan.Uninstall(request) : LaunchdPlan.Install(request),
        _ when options.Root is null && !options.IsDryRun && !Directory.Exists(SystemdFolder) =>
            throw new CommandException("this Linux does not use systemd. Let its init system start 'ollama-proxy serve' (docs/operations.md)."),
        _ => options.IsUninstall ? SystemdPlan.Uninstall(request) : SystemdPlan.Install(request),
    };

    private static InstallRequest Inspect(ProxySettings settings, SettingValues values, InstallOptions options)
    {
        var user = values.Get("SUDO_USER") ?? Environment.UserName;
        var home = HomeOf(options.Account ?? user);
        var earlier = EarlierSettings.Of(options.System, options.Root, home);
        var given = EnvironmentVariables.All.Where(row => values.IsOption(row.Name))
            .ToDictionary(row => row.Name, row => values.Get(row.Name)!, StringComparer.Ordinal);
        var request = new InstallRequest
        {
            Program = Environment.ProcessPath ?? throw new CommandException("the path of this executable is unknown."),
            ProxyPort = PortOf("PROXY_PORT", settings.Proxy.Port),
            BackendPort = PortOf("OLLAMA_BACKEND_PORT", settings.Ollama.BackendPort),
            // On Linux, the earlier settings stay in a file.
            Settings = options.System == "linux"
                ? given
                : earlier.Concat(given).GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => group.Last().Value, StringComparer.Ordinal),
            TakeOver = options.IsUninstall ? File.Exists(Path.Combine(options.Root ?? "/", SystemdPlan.DropIn.TrimStart('/'))) : options.TakeOver,
            Account = options.Account,
            RemovesData = options.RemovesData,
            Ollama = OllamaExecutable.Find(settings.Ollama),
            User = user,
            Home = home,
            ModelsFolder = values.Get("OLLAMA_MODELS"),
            UserId = OperatingSystem.IsWindows() ? 0 : UnixUsers.CurrentId(),
            Folders = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["ProgramFiles"] = Folder(Environment.SpecialFolder.ProgramFiles, @"C:\Program Files"),
                ["ProgramData"] = Folder(Environment.SpecialFolder.CommonApplicationData, @"C:\ProgramData"),
                ["TEMP"] = OperatingSystem.IsWindows() ? Path.GetTempPath().TrimEnd('\\') : @"C:\Windows\Temp",
                ["APPDATA"] = Folder(Environment.SpecialFolder.ApplicationData, @"C:\Users\you\AppData\Roaming"),
            },
        };
        request = request with { OllamaStartsItself = options.OllamaStartsItself ?? StartsItself(options, request) };
        return options is { System: "linux", IsUninstall: false, Account: null, Root: null } && user == "root" && !request.OllamaStartsItself
            ? throw new CommandException("Ollama has no service here, so this one would start it as root. Name the account that has the models (--account "
                + "NAME, or --account root), or run this with sudo from it.")
            {
                ExitCode = ExitCodes.CannotStart,
            }
            : request;

        // An option, or the setting of an earlier installation.
        int PortOf(string name, int otherwise) => !given.ContainsKey(name) && int.TryParse(earlier.GetValueOrDefault(name), out var port) ? port : otherwise;
    }

    private static string HomeOf(string user) => !OperatingSystem.IsWindows() && user != Environment.UserName
        ? UnixUsers.HomeOf(user) ?? $"/home/{user}"
        : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    private static string Folder(Environment.SpecialFolder folder, string otherwise) =>
        OperatingSystem.IsWindows() ? Environment.GetFolderPath(folder) : otherwise;

    private static bool StartsItself(InstallOptions options, InstallRequest request) => options.System switch
    {
        "windows" => File.Exists(WindowsPlan.Shortcut(request)),
        "macos" => Directory.Exists("/Applications/Ollama.app") || File.Exists($"{request.Home}/Library/LaunchAgents/homebrew.mxcl.ollama.plist"),
        _ => ((string[])["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]).Any(
            folder => File.Exists(Path.Combine(options.Root ?? "/", folder.TrimStart('/'), "ollama.service"))),
    };

    private static async Task<bool> AskAsync(InstallRequest request, CancellationToken cancellationToken)
    {
        await Console.Error.WriteAsync(
            $"Ollama's own service uses port 11434. Move it to {request.BackendPort}, so that the proxy can take 11434? Uninstall moves it back. [y/N] ");
        return await Console.In.ReadLineAsync(cancellationToken) is "y" or "Y" or "yes";
    }
}

/// <summary>The options of <c>install</c> and <c>uninstall</c>.</summary>
internal sealed record InstallOptions
{
    public bool IsUninstall { get; init; }

    /// <summary><c>linux</c>, <c>windows</c> or <c>macos</c>; another system than this machine's is for dry runs only.</summary>
    public required string System { get; init; }

    public bool IsDryRun { get; init; }

    public bool? TakeOver { get; init; }

    public string? Account { get; init; }

    public bool RemovesData { get; init; }

    /// <summary>A folder to write files under, for packages and images; nothing is run then.</summary>
    public string? Root { get; init; }

    /// <summary>Whether Ollama has its own service; null to detect it.</summary>
    public bool? OllamaStartsItself { get; init; }
}
