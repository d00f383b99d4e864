using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using OllamaProxy.Domain;
using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Installation;

/// <summary>
/// Linux with systemd. If Ollama has its own unit, that keeps supervising it, and a drop-in moves it to the private port (a second Ollama of another user would
/// have other models). The proxy then runs as a dynamic user with access to its folder only. Otherwise the proxy starts Ollama, as the user who has the models.
/// </summary>
internal static partial class SystemdPlan
{
    public const string Program = "/usr/local/bin/ollama-proxy";

    /// <summary>The path of the program in the .deb and .rpm packages. The service runs it there, so a package upgrade upgrades the service.</summary>
    public const string Packaged = "/usr/bin/ollama-proxy";

    public const string Unit = "/etc/systemd/system/ollama-proxy.service";
    public const string Settings = "/etc/ollama-proxy/ollama-proxy.env";
    public const string Data = "/var/lib/ollama-proxy";

    /// <summary>Sorts after the user's own override.conf.</summary>
    public const string DropIn = "/etc/systemd/system/ollama.service.d/zz-ollama-proxy.conf";

    private const string Service = "ollama-proxy.service";

    public static IReadOnlyList<Step> Install(InstallRequest request)
    {
        if (request is { OllamaStartsItself: true, TakeOver: not true, ProxyPort: 11434 })
        {
            throw new CommandException(
                $"""
                 Ollama's own unit uses port 11434. Add one of these:
                   --take-over                              move it to {request.BackendPort} by a drop-in, which uninstall removes again
                   --no-take-over --proxy-port 11433        leave it, and use another port for the proxy; applications must use that port
                 """);
        }

        List<Step> steps =
        [
            // A copy from an earlier installation would come first on PATH.
            request.Program == Packaged ? new RemoveFile(Program) : new CopyProgram(request.Program, Program),
            new SetVariables(Settings, SettingsText(request), Variables(request)),
            new WriteText(Unit, UnitText(request)),
        ];
        if (request is { OllamaStartsItself: true, TakeOver: true })
        {
            steps.Add(new WriteText(DropIn, DropInText(request)));
        }

        if (request is { OllamaStartsItself: true, TakeOver: false })
        {
            // An earlier installation may have moved it.
            steps.Add(new RemoveFile(DropIn));
        }

        steps.Add(new RunProgram("systemctl", ["daemon-reload"]));
        if (request.OllamaStartsItself)
        {
            steps.Add(new RunProgram("systemctl", ["restart", "ollama.service"]));
        }

        steps.Add(new RunProgram("systemctl", ["enable", Service]));
        // Restart, because the service already runs during an upgrade.
        steps.Add(new RunProgram("systemctl", ["restart", Service]));
        steps.Add(new AwaitProxy(request.ProxyPort));
        return steps;
    }

    public static IReadOnlyList<Step> Uninstall(InstallRequest request)
    {
        List<Step> steps =
        [
            new RunProgram("systemctl", ["disable", "--now", Service], MayFail: true),
            new RemoveFile(Unit),
            new RemoveFile(DropIn),
            new RunProgram("systemctl", ["daemon-reload"]),
        ];
        if (request.TakeOver == true)
        {
            // Ollama gets its port back.
            steps.Add(new RunProgram("systemctl", ["restart", "ollama.service"], MayFail: true));
        }

        steps.Add(new RemoveFile(Program));
        if (request.RemovesData)
        {
            steps.AddRange([new RemoveFolder(Data), new RemoveFolder($"/var/lib/private/ollama-proxy"), new RemoveFile(Settings)]);
        }

        return steps;
    }

    internal static string UnitText(InstallRequest request)
    {
        var ownsOllama = !request.OllamaStartsItself;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Written by 'ollama-proxy install'; 'ollama-proxy uninstall' removes it. Settings belong into {Settings}.
            [Unit]
            Description=ollama-proxy: metrics and analytics in front of Ollama
            Wants=network-online.target
            After=network-online.target ollama.service

            [Service]
            Type=notify
            NotifyAccess=main
            ExecStart={(request.Program == Packaged ? Packaged : Program)} serve
            EnvironmentFile=-{Settings}
            Restart=on-failure
            RestartSec=2
            WatchdogSec=60
            # A stop finishes running requests (SHUTDOWN_GRACE_SECONDS), writes the records, and ends Ollama.
            TimeoutStopSec=60
            KillMode=mixed
            StateDirectory=ollama-proxy
            StateDirectoryMode=0700
            WorkingDirectory=%S/ollama-proxy
            UMask=0077
            LimitNOFILE=65536

            # Permissions.
            NoNewPrivileges=yes
            PrivateTmp=yes
            ProtectControlGroups=yes
            ProtectKernelModules=yes
            ProtectKernelTunables=yes
            ProtectKernelLogs=yes
            ProtectClock=yes
            ProtectHostname=yes
            RestrictSUIDSGID=yes
            RestrictNamespaces=yes
            LockPersonality=yes
            CapabilityBoundingSet=
            AmbientCapabilities=
            RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
            SystemCallArchitectures=native

            """);
        var account = AccountName(request.Account ?? (ownsOllama ? request.User : null));
        var warning = account == "root" ? " Ollama runs as root: choose another account with --account." : "";
        text.Append(ownsOllama
            ? string.Create(CultureInfo.InvariantCulture, $"""
               # It starts Ollama itself, which needs the GPU, and the models of {account}.{warning}
               User={account}
               {(request.ModelsFolder is { } models ? $"Environment=\"OLLAMA_MODELS={Quoted(models)}\"" : "# The models are in the home folder.")}
               ProtectSystem=full
               RestrictRealtime=no

               """)
            : $"""
               # Ollama has its own unit; the proxy needs only the network and its folder.
               {(account is null ? "DynamicUser=yes" : $"User={account}")}
               ProtectSystem=strict
               PrivateDevices=yes
               ProtectHome=yes
               ProtectProc=invisible
               PrivateUsers=yes
               RestrictRealtime=yes
               RemoveIPC=yes
               SystemCallFilter=@system-service
               SystemCallFilter=~@privileged
               SystemCallErrorNumber=EPERM

               """);
        return text.Append("""

            [Install]
            WantedBy=multi-user.target

            """).ToString();
    }

    /// <summary>An account name as <c>useradd</c> creates it, or a number. Anything else could end the line and begin another directive.</summary>
    private static string? AccountName(string? account) => account is null || AccountPattern().IsMatch(account)
        ? account
        : throw new CommandException($"--account \"{PlainText.Of(account)}\" is not an account name.") { ExitCode = ExitCodes.CannotStart };

    /// <summary>Quotes text for a systemd directive (systemd.syntax(7)): quotes, backslashes and specifiers are escaped.</summary>
    private static string Quoted(string text) => text.Any(char.IsControl)
        ? throw new CommandException(
            $"OLLAMA_MODELS=\"{PlainText.Of(text)}\" contains a control character, which a unit cannot hold.") { ExitCode = ExitCodes.CannotStart }
        : text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}\$?\z")]
    private static partial Regex AccountPattern();

    /// <summary>The settings that are always written: the requested ones, and Ollama's address, which depends on the drop-in.</summary>
    internal static Dictionary<string, string> Variables(InstallRequest request)
    {
        var settings = new Dictionary<string, string>(request.Settings, StringComparer.Ordinal);
        if (request.OllamaStartsItself)
        {
            // The proxy then waits for that Ollama; otherwise it would start a second one.
            settings.TryAdd("OLLAMA_BACKEND_URL",
                string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{(request.TakeOver == true ? request.BackendPort : 11434)}"));
        }

        return settings;
    }

    internal static string DropInText(InstallRequest request) => string.Create(CultureInfo.InvariantCulture, $"""
        # Written by 'ollama-proxy install': the proxy takes Ollama's port, and Ollama this one. 'ollama-proxy uninstall' removes it.
        [Service]
        Environment=OLLAMA_HOST=127.0.0.1:{request.BackendPort}

        """);

    internal static string SettingsText(InstallRequest request)
    {
        var settings = Variables(request);
        settings.TryAdd("ANALYTICS_DIR", Data);

        var text =
            new StringBuilder("# Settings of the ollama-proxy service, one NAME=value per line. After a change: systemctl restart ollama-proxy\n# All "
                + "settings: ollama-proxy --help\n\n");
        foreach (var row in EnvironmentVariables.All)
        {
            text.Append(settings.TryGetValue(row.Name, out var value) ? EnvironmentFile.Line(row.Name, value) : $"#{row.Name}={row.Default}").Append('\n');
        }

        return text.ToString();
    }
}
