using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands;

/// <summary>Selects the verb (<see cref="Verbs"/>): without one the program serves, and an unknown first word is passed to Ollama's command line.</summary>
internal static class CommandLine
{
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            // Most starts have no options, and building the commands takes time.
            return args is [] or ["serve"]
                ? await WithSettingsAsync(SettingValues.OfProcess(new Dictionary<string, string>()), ServeCommand.RunAsync, CancellationToken.None)
                : await ParseAsync(args);
        }
        catch (Exception exception) when (exception is CommandException or IOException or UnauthorizedAccessException)
        {
            return await Terminal.FailAsync(exception.Message, (exception as CommandException)?.ExitCode ?? ExitCodes.Failed);
        }
    }

    private static async Task<int> ParseAsync(string[] args)
    {
        var options = new SettingOptions();
        var root = Root(options);
        string[] ours = [.. root.Subcommands.SelectMany(command => command.Aliases.Prepend(command.Name))];
        if (args is [{ Length: > 0 } word, ..] && word[0] is not ('-' or '[') && !ours.Contains(word))
        {
            if (Passthrough.Meant(word, ours) is { } meant)
            {
                return await Terminal.FailAsync($"'{word}' is not a command. Did you mean '{meant}'? Try 'ollama-proxy --help'.", ExitCodes.CannotStart);
            }

            return await WithSettingsAsync(
                SettingValues.OfProcess(new Dictionary<string, string>()), (settings, cancellationToken) =>
                    Passthrough.RunAsync(settings, args, cancellationToken), default);
        }

        var parsed = root.Parse(args);
        // The generic host handles the signals; a second handler would end the program before it has drained.
        return parsed.Errors.Count > 0 && !args[0].StartsWith('[')
            ? await RefuseAsync(parsed)
            : await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }

    /// <summary>Reports each problem of the command line once, with a suggestion and a pointer to the help.</summary>
    private static async Task<int> RefuseAsync(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var known = command.Options.Concat(parsed.RootCommandResult.Command.Options).Where(option => !option.Hidden);
        string[] options = [.. known.SelectMany(option => option.Aliases.Prepend(option.Name))];
        var unknown = parsed.UnmatchedTokens.Where(static token => token.StartsWith('-')).ToList();
        // The value of an unknown option is unknown too, but not a second error.
        var messages = unknown.Count > 0
            ? unknown.Select(
                token => $"'{token}' is not an option of {(command is RootCommand ? "ollama-proxy" : command.Name)}.{Misspelled.Hint(token, options)}")
            : parsed.Errors.Select(error => error.Message);
        foreach (var message in messages.Distinct(StringComparer.Ordinal))
        {
            await Console.Error.WriteLineAsync($"{Terminal.PaintError(Ansi.Red, "ollama-proxy:")} {message}");
        }

        await Console.Error.WriteLineAsync($"Try 'ollama-proxy {(command is RootCommand ? "" : $"{command.Name} ")}--help'.");
        return ExitCodes.CannotStart;
    }

    /// <summary>Reads the settings and reports every problem; continues only without one.</summary>
    internal static async Task<int> WithSettingsAsync(SettingValues values, Func<ProxySettings, CancellationToken, Task<int>> run,
        CancellationToken cancellationToken)
    {
        var (settings, problems) = EnvironmentVariables.Read(values);
        foreach (var notice in settings.Notices)
        {
            await Console.Error.WriteLineAsync($"{Terminal.PaintError(Ansi.Yellow, "note:")} {notice}");
        }

        if (problems.Count == 0)
        {
            return await run(settings, cancellationToken);
        }

        var wrong = problems.Count == 1 ? "a setting is" : $"{problems.Count} settings are";
        await Console.Error.WriteLineAsync($"{Terminal.PaintError(Ansi.Red, "ollama-proxy cannot start:")} {wrong} invalid.");
        foreach (var problem in problems)
        {
            await Console.Error.WriteLineAsync($"  {problem}");
        }

        return ExitCodes.CannotStart;
    }

    private static RootCommand Root(SettingOptions options)
    {
        var root = new RootCommand();
        foreach (var command in Verbs.All(options))
        {
            root.Add(command);
        }

        foreach (var option in options.All)
        {
            root.Add(option);
        }

        root.SetAction(
            (parsed, cancellationToken) => WithSettingsAsync(SettingValues.OfProcess(options.Given(parsed)), ServeCommand.RunAsync, cancellationToken));
        foreach (var option in root.Options)
        {
            option.Action = option switch
            {
                HelpOption => new Print(HelpText.Of),
                VersionOption => new Print(_ => $"ollama-proxy {HelpText.Version}"),
                _ => option.Action,
            };
        }

        return root;
    }

    private sealed class Print(Func<ParseResult, string> text) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            Console.Out.WriteLine(text(parseResult));
            return ExitCodes.Success;
        }
    }
}
