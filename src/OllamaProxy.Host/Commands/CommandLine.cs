using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Demo;

namespace OllamaProxy.Host.Commands;

/// <summary>The verbs. Without one the program serves.</summary>
internal static class CommandLine
{
    public static async Task<int> RunAsync(string[] args)
    {
        var parsed = Root().Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors.Select(error => error.Message).Distinct(StringComparer.Ordinal))
            {
                await Console.Error.WriteLineAsync($"ollama-proxy: {error}");
            }

            await Console.Error.WriteLineAsync("Try 'ollama-proxy --help'.");
            return ExitCodes.CannotStart;
        }

        // The generic host owns the signals; a second owner would end the program before it has drained.
        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }

    private static RootCommand Root()
    {
        var serve = new Command("serve", HelpText.Serve);
        serve.Aliases.Add("start");
        serve.SetAction((_, cancellationToken) => WithSettingsAsync(ServeCommand.RunAsync, cancellationToken));
        var demo = new Command("demo", HelpText.Demo);
        demo.SetAction((_, cancellationToken) => WithSettingsAsync(DemoRun.RunAsync, cancellationToken));

        var root = new RootCommand { serve, demo };
        root.SetAction((_, cancellationToken) => WithSettingsAsync(ServeCommand.RunAsync, cancellationToken));
        foreach (var option in root.Options)
        {
            option.Action = option switch
            {
                HelpOption => new Print(HelpText.Whole),
                VersionOption => new Print(() => $"ollama-proxy {HelpText.Version}"),
                _ => option.Action,
            };
        }

        return root;
    }

    /// <summary>Reads the settings once, tells every problem, and goes on only without one.</summary>
    private static async Task<int> WithSettingsAsync(Func<ProxySettings, CancellationToken, Task<int>> run, CancellationToken cancellationToken)
    {
        var (settings, problems) = EnvironmentVariables.Read(EnvironmentVariables.OfProcess, EnvironmentVariables.NamesOfProcess());
        foreach (var notice in settings.Notices)
        {
            await Console.Error.WriteLineAsync($"note: {notice}");
        }

        if (problems.Count == 0)
        {
            return await run(settings, cancellationToken);
        }

        await Console.Error.WriteLineAsync($"ollama-proxy cannot start: {(problems.Count == 1 ? "a setting is" : $"{problems.Count} settings are")} wrong.");
        foreach (var problem in problems)
        {
            await Console.Error.WriteLineAsync($"  {problem}");
        }

        return ExitCodes.CannotStart;
    }

    private sealed class Print(Func<string> text) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            Console.Out.WriteLine(text());
            return ExitCodes.Success;
        }
    }
}
