using System.Globalization;
using System.Text;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>What <c>--help</c> prints. The settings come from the map itself, so that none is ever missing.</summary>
internal static class HelpText
{
    public const string Serve = "Start the proxy, and Ollama behind it unless one already runs (the default).";

    public const string Demo = "Show the proxy at work without Ollama or a GPU: a simulated one, and traffic.";

    public static string Version => typeof(HelpText).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    public static string Whole()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            ollama-proxy {Version}: sits on Ollama's port, forwards every byte untouched, and keeps metrics and analytics.

            Usage:
              ollama-proxy [command]

            Commands:
              serve, start   {Serve}
              demo           {Demo}

            Options:
              -h, --help     Show this text.
              --version      Show the version.

            Settings are environment variables:

            """);
        var width = EnvironmentVariables.All.Max(row => row.Name.Length);
        foreach (var row in EnvironmentVariables.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {row.Name.PadRight(width)}  {row.Meaning}").AppendLine();
            text.Append(CultureInfo.InvariantCulture, $"  {"".PadRight(width)}  {row.Range}{(row.Default.Length > 0 ? $"; default {row.Default}" : "")}").AppendLine();
        }

        text.Append("""

            Examples:
              ollama-proxy                                       proxy on 11434, Ollama on 11435
              PROXY_HOST=0.0.0.0 ollama-proxy                    reachable from the network
              PROXY_PORT=8080 OLLAMA_BACKEND_URL=http://127.0.0.1:11434 ollama-proxy
                                                                 in front of an Ollama that already runs
              curl http://127.0.0.1:11434/metrics                what Prometheus reads
              curl http://127.0.0.1:11434/analytics/stats        what happened so far
            """);
        return text.ToString();
    }
}
