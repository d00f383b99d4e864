using System.CommandLine;
using System.Globalization;
using System.Text;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>The output of <c>--help</c>. Verbs, options and settings come from their definitions, so none is missing.</summary>
internal static class HelpText
{
    /// <summary>Longer lines are hard to read on any terminal.</summary>
    private const int LongestLine = 120;

    private static int LineLength => Math.Min(LongestLine, Terminal.Width ?? LongestLine);

    public static string Version => typeof(HelpText).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    /// <summary>The help of the program, or of the verb before <c>--help</c>.</summary>
    public static string Of(ParseResult parsed) => parsed.CommandResult.Command is RootCommand root ? Whole(root) : Of(parsed.CommandResult.Command);

    public static string Whole(RootCommand root)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            ollama-proxy {Version}: takes Ollama's port, forwards every byte untouched, and keeps metrics and analytics.

            Usage:
              ollama-proxy [command] [option...]
              ollama-proxy run phi4        any other command is passed to Ollama's own command line

            Commands:

            """);
        Rows(text,
            root.Subcommands.Where(command => !command.Hidden)
            .Select(command => (string.Join(", ", command.Aliases.Prepend(command.Name)), command.Description ?? "")));
        text.Append("""

            Options:
              -h, --help     Show this text, or the options of a command.
              --version      Show the version.

            Settings are environment variables or options: PROXY_PORT=8080 is --proxy-port 8080. Options override.

            """);
        Rows(text, EnvironmentVariables.All.SelectMany(row =>
            ((string, string)[])[(row.Name, row.Meaning), ("", row.Default.Length > 0 ? $"{row.Range}; default {row.Default}" : row.Range)]));
        text.Append("""

            Examples:
              ollama-proxy                                       proxy on 11434, Ollama on 11435
              ollama-proxy --proxy-host 0.0.0.0                  reachable from the network
              PROXY_PORT=8080 OLLAMA_BACKEND_URL=http://127.0.0.1:11434 ollama-proxy
                                                                 in front of an Ollama that already runs
              ollama-proxy status                                running requests, loaded models
              ollama-proxy stats --hours 24                      statistics of the last day
              ollama-proxy export requests.csv --model phi4      every request of a model
              curl http://127.0.0.1:11434/metrics                metrics for Prometheus
            """);
        return text.ToString();
    }

    private static string Of(Command command)
    {
        var text = new StringBuilder();
        var arguments = string.Concat(
            command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues > 0 ? $" {argument.Name}" : $" [{argument.Name}]"));
        text.AppendLine(command.Description).AppendLine();
        text.Append(CultureInfo.InvariantCulture, $"Usage:{Environment.NewLine}  ollama-proxy {command.Name}{arguments} [option...]").AppendLine();
        if (command.Arguments.Count > 0)
        {
            text.AppendLine();
            Rows(text, command.Arguments.Select(argument => (argument.Name, argument.Description ?? "")));
        }

        var options = command.Options.Where(option => !option.Hidden).ToList();
        if (options.Count > 0)
        {
            text.AppendLine().AppendLine("Options:");
            Rows(text, options.Select(option => (NameOf(option), option.Description ?? "")));
        }

        text.AppendLine().Append("Every setting is an option too: ollama-proxy --help lists them.");
        return text.ToString();
    }

    private static string NameOf(Option option) =>
        string.Join(", ", option.Aliases.Order(StringComparer.Ordinal).Append(option.Name).OrderBy(name => name.Length))
            + (option.HelpName is { } value ? $" <{value}>" : "");

    private static void Rows(StringBuilder text, IEnumerable<(string Name, string Meaning)> rows)
    {
        List<(string Name, string Meaning)> all = [.. rows];
        var width = Math.Min(36, all.Max(row => row.Name.Length));
        foreach (var (name, meaning) in all)
        {
            var first = $"  {name.PadRight(width)}  ";
            foreach (var line in Terminal.Wrap(meaning, Math.Max(20, LineLength - width - 4)))
            {
                text.Append(first).AppendLine(line);
                first = new string(' ', width + 4);
            }
        }
    }
}
