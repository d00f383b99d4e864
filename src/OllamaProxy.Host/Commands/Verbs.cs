using System.CommandLine;
using System.Runtime.InteropServices;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Commands.Diagnosis;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Demo;
using OllamaProxy.Host.Installation;

namespace OllamaProxy.Host.Commands;

/// <summary>The table of verbs: one method each, with its options and its action.</summary>
internal static class Verbs
{
    private const string StatsPath = "/analytics/stats";

    public static IEnumerable<Command> All(SettingOptions settings) =>
    [
        Serve(settings), Demo(settings), Status(settings), Doctor(settings), Stats(settings), Export(settings), Import(settings), Purge(settings),
        Config(settings),
        Install(settings), Uninstall(settings), Completion(), Version(), Help(),
    ];

    private static Command Serve(SettingOptions settings)
    {
        var background = new Option<bool>(Background.Option) { Hidden = true };
        var command = new Command("serve", "Start the proxy, and Ollama behind it unless one already runs (the default).") { background };
        command.Aliases.Add("start");
        command.SetAction((parsed, cancellationToken) =>
            RunAsync(settings, parsed, parsed.GetValue(background) ? ServeCommand.RunInBackgroundAsync : ServeCommand.RunAsync, cancellationToken));
        return command;
    }

    private static Command Demo(SettingOptions settings)
    {
        var open = new Option<bool>("--open") { Description = "Open the dashboard in the browser." };
        var command = new Command("demo", "Show the dashboard with a simulated Ollama, a week of history and live traffic.") { open };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            settings, parsed, (read, token) =>
                DemoRun.RunAsync(read, SettingValues.OfProcess(settings.Given(parsed)), parsed.GetValue(open), token), cancellationToken));
        return command;
    }

    private static Command Status(SettingOptions settings)
    {
        var (url, json) = (Url(), Json());
        var check = new Option<bool>("--check") { Description = "Print problems only; exit code 0 while the proxy answers. For health checks." };
        var command = new Command("status", "Show the state of proxy and Ollama, the loaded models, and the last minute.") { url, json, check };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            settings, parsed, (read, token) =>
                StatusCommand.RunAsync(read, parsed.GetValue(url), parsed.GetValue(json), parsed.GetValue(check), token), cancellationToken));
        return command;
    }

    private static Command Doctor(SettingOptions settings)
    {
        var json = Json();
        var command = new Command("doctor", "Find problems on this machine, and show how to fix them.") { json };
        command.SetAction(
            (parsed, cancellationToken) => DoctorCommand.RunAsync(SettingValues.OfProcess(settings.Given(parsed)), parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static Command Stats(SettingOptions settings)
    {
        var (url, json, filters) = (Url(), Json(), new FilterOptions(QueryParameters.Stats, "step"));
        filters.AddAlias("groups", "--by");
        var command = Add(new Command("stats", "Show statistics of the records, for any filter and range.") { url, json }, filters);
        command.SetAction((parsed, cancellationToken) =>
        {
            var groups = parsed.GetValue(json) || filters.Given(parsed, "groups") is not null ? null : StatsCommand.Groups;
            var query = filters.Query(StatsPath, parsed, ("groups", groups));
            return RunAsync(
                settings, parsed, (read, token) => StatsCommand.RunAsync(read, parsed.GetValue(url), query, parsed.GetValue(json), token), cancellationToken);
        });
        return command;
    }

    private static Command Export(SettingOptions settings)
    {
        var file = new Argument<FileInfo?>("FILE") { Arity = ArgumentArity.ZeroOrOne,
            Description = "The file; its extension selects the format. Default: standard output." };
        var (url, filters) = (Url(), new FilterOptions(QueryParameters.Export));
        var command = Add(new Command("export", "Write every matching record as JSON, CSV or lines of JSON.") { file, url }, filters);
        command.SetAction((parsed, cancellationToken) =>
        {
            var target = parsed.GetValue(file);
            var byEnding = filters.Given(parsed, "format") is null ? ExportCommand.FormatOf(target) : null;
            var count = filters.Given(parsed, "limit") is null && filters.Given(parsed, "message_id") is null
                ? filters.Without("format").Without("bom").Query(StatsPath, parsed)
                : null;
            return RunInterruptiblyAsync(
                settings, parsed, (read, token) =>
                    ExportCommand.RunAsync(read, parsed.GetValue(url), filters.Query("/analytics/export", parsed, [("format", byEnding)]), count, target,
                        token), cancellationToken);
        });
        return command;
    }

    private static Command Import(SettingOptions settings)
    {
        var file = new Argument<FileInfo>("FILE") { Description = "The original's ollama_analytics.db, or the ANALYTICS_DIR of an ollama-proxy." };
        var command = new Command("import",
            "Import the records of the original Ollama Metrics Proxy or of another store. Records already imported are skipped.") { file };
        command.SetAction((parsed, cancellationToken) => RunInterruptiblyAsync(settings, parsed,
            (read, token) => ImportCommand.RunAsync(read, parsed.GetValue(file)!, token), cancellationToken));
        return command;
    }

    private static Command Purge(SettingOptions settings)
    {
        var (url, filters) = (Url(), new FilterOptions(QueryParameters.Delete));
        var olderThan = new Option<string>("--older-than") { Description = "Records older than this: 30d, 12h, 5m.", HelpName = "length" };
        olderThan.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var text }] && (text.Length == 0 || QueryParameters.Length(text) is null))
            {
                result.AddError("--older-than must be a length such as 30d, 12h or 5m.");
            }
        });
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask for confirmation." };
        var command = Add(new Command("purge", "Delete the matching records permanently.") { url, olderThan, yes }, filters);
        command.SetAction((parsed, cancellationToken) =>
        {
            var before = parsed.GetValue(olderThan) is { } text ? TimeProvider.System.GetUtcNow() - QueryParameters.Length(text) : null;
            (string, string?) end = ("end_time", before?.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (before is not null && filters.Given(parsed, "end_time") is not null)
            {
                throw new CommandException("--older-than and --end-time cannot be combined.") { ExitCode = ExitCodes.CannotStart };
            }

            var request = filters.Request(parsed);
            PurgeCommand.Check(before is null ? request.Filter : request.Filter with { To = before }, request.All);
            return RunAsync(
                settings,
                parsed,
                (read, token) => PurgeCommand.RunAsync(
                    read, parsed.GetValue(url), filters.Query("/analytics/messages", parsed, [end]), filters.Without("all").Query(StatsPath, parsed, [end]),
                    parsed.GetValue(yes), token),
                cancellationToken);
        });
        return command;
    }

    private static Command Config(SettingOptions settings)
    {
        var json = Json();
        var changed = new Option<bool>("--changed") { Description = "Show only the settings that differ from their defaults." };
        var command = new Command("config", "Show each setting, its value and its source.") { json, changed };
        command.SetAction((parsed, _) =>
            ConfigCommand.RunAsync(SettingValues.OfProcess(settings.Given(parsed)), parsed.GetValue(json), parsed.GetValue(changed)));
        return command;
    }

    private static Command Install(SettingOptions settings)
    {
        var takeOver = new Option<bool>("--take-over") { Description = "Move Ollama's own service to the private port; uninstall moves it back." };
        var noTakeOver = new Option<bool>("--no-take-over") { Description = "Leave Ollama's own service unchanged." };
        var account = new Option<string?>("--account") { Description = "The account the service runs as.", HelpName = "name" };
        var (dryRun, root, system, own) = (DryRun(), Root(), TargetSystem(), OwnStart());
        var command = new Command("install", "Install as a service that starts with the machine: systemd, a launchd agent, a Windows service.") { takeOver,
            noTakeOver, account, dryRun, root, system, own };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            settings,
            parsed,
            (read, token) => InstallCommand.RunAsync(
                read,
                SettingValues.OfProcess(settings.Given(parsed)),
                new InstallOptions
                {
                    System = parsed.GetValue(system)!,
                    IsDryRun = parsed.GetValue(dryRun),
                    TakeOver = parsed.GetValue(takeOver) ? true : parsed.GetValue(noTakeOver) ? false : null,
                    Account = parsed.GetValue(account),
                    Root = parsed.GetValue(root),
                    OllamaStartsItself = parsed.GetValue(own),
                },
                token),
            cancellationToken));
        return command;
    }

    private static Command Uninstall(SettingOptions settings)
    {
        var data = new Option<bool>("--remove-data") { Description = "Remove records, settings and logs too." };
        var (dryRun, root, system, own) = (DryRun(), Root(), TargetSystem(), OwnStart());
        var command = new Command("uninstall", "Remove the service, and give Ollama its port back.") { data, dryRun, root, system, own };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            settings,
            parsed,
            (read, token) => InstallCommand.RunAsync(
                read,
                SettingValues.OfProcess(settings.Given(parsed)),
                new InstallOptions
                {
                    IsUninstall = true,
                    System = parsed.GetValue(system)!,
                    IsDryRun = parsed.GetValue(dryRun),
                    RemovesData = parsed.GetValue(data),
                    Root = parsed.GetValue(root),
                    OllamaStartsItself = parsed.GetValue(own),
                },
                token),
            cancellationToken));
        return command;
    }

    private static Option<bool> DryRun() => new("--dry-run") { Description = "Only print the steps." };

    private static Option<string?> Root() =>
        new("--root") { Description = "Write the files under this folder and run nothing: for packages and images.", HelpName = "folder" };

    private static Option<bool?> OwnStart() =>
        new("--ollama-starts-itself") { Description = "Whether Ollama has its own service, instead of detecting it.", Hidden = true };

    /// <summary>--dry-run shows the steps of any system anywhere.</summary>
    private static Option<string> TargetSystem()
    {
        var option = new Option<string>("--system")
        {
            Hidden = true,
            DefaultValueFactory = _ => OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : "linux",
        };
        option.AcceptOnlyFromAmong("linux", "windows", "macos");
        return option;
    }

    private static Command Completion()
    {
        var shell = new Argument<string>("SHELL") { Description = string.Join(", ", Commands.Completion.Shells) };
        shell.AcceptOnlyFromAmong(Commands.Completion.Shells);
        var command = new Command("completion", "Print a script that completes commands and options in a shell.") { shell };
        command.SetAction(parsed => Console.Out.WriteLine(Commands.Completion.ScriptOf(parsed.GetValue(shell)!)));
        return command;
    }

    private static Command Help()
    {
        var command = new Command("help", "Show the same as --help.") { Hidden = true };
        command.SetAction(parsed => Console.Out.WriteLine(HelpText.Whole((RootCommand)parsed.RootCommandResult.Command)));
        return command;
    }

    private static Command Version()
    {
        var command = new Command("version", "Show the version.");
        command.SetAction(_ => Console.Out.WriteLine($"ollama-proxy {HelpText.Version}"));
        return command;
    }

    private static Task<int> RunAsync(SettingOptions settings, ParseResult parsed, Func<ProxySettings, CancellationToken, Task<int>> run,
        CancellationToken cancellationToken) =>
        CommandLine.WithSettingsAsync(SettingValues.OfProcess(settings.Given(parsed)), run, cancellationToken);

    /// <summary>Runs a command that signals end cleanly, so no partial output remains.</summary>
    private static Task<int> RunInterruptiblyAsync(SettingOptions settings, ParseResult parsed, Func<ProxySettings, CancellationToken, Task<int>> run,
        CancellationToken cancellationToken) =>
        RunAsync(
            settings,
            parsed,
            async (read, token) =>
            {
                using var interrupted = CancellationTokenSource.CreateLinkedTokenSource(token);
                var code = ExitCodes.Interrupted;
                using var interrupt = Register(PosixSignal.SIGINT, ExitCodes.Interrupted);
                using var terminate = Register(PosixSignal.SIGTERM, ExitCodes.Terminated);
                using var hangUp = Register(PosixSignal.SIGHUP, ExitCodes.HungUp);
                try
                {
                    return await run(read, interrupted.Token);
                }
                catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
                {
                    return code;
                }

                PosixSignalRegistration Register(PosixSignal signal, int exitCode) => PosixSignalRegistration.Create(signal, context =>
                {
                    context.Cancel = true;
                    code = exitCode;
                    interrupted.Cancel();
                });
            },
            cancellationToken);

    private static Option<bool> Json() => new("--json") { Description = "Print JSON, for programs." };

    private static Option<Uri?> Url() => new("--url")
    {
        Description = "The URL of a proxy on another machine; ANALYTICS_TOKEN is its token.",
        HelpName = "http://host:port",
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps))
            {
                return url;
            }

            result.AddError("--url must be an http or https URL, such as http://192.168.1.20:11434.");
            return null;
        },
    };

    private static Command Add(Command command, FilterOptions filters)
    {
        foreach (var option in filters.All)
        {
            command.Add(option);
        }

        return command;
    }
}
