using System.CommandLine;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// Every setting as an option: <c>PROXY_PORT</c> is also <c>--proxy-port</c>. Generated from the table of settings, so none is missing. An option overrides the
/// environment.
/// </summary>
internal sealed class SettingOptions
{
    private readonly (string Name, Option<string> Option)[] _options =
        [.. EnvironmentVariables.All.Select(
            row => (row.Name, new Option<string>(NameOf(row.Name)) { Recursive = true, Description = row.Meaning, HelpName = row.Range }))];

    public IEnumerable<Option> All => _options.Select(row => row.Option);

    /// <summary>The option of a setting.</summary>
    public static string NameOf(string variable) => $"--{variable.ToLowerInvariant().Replace('_', '-')}";

    /// <summary>The settings on the command line.</summary>
    public IReadOnlyDictionary<string, string> Given(ParseResult parsed) =>
        _options.Where(row => parsed.GetResult(row.Option) is not null)
            .ToDictionary(row => row.Name, row => parsed.GetValue(row.Option) ?? "", StringComparer.Ordinal);
}
