using System.CommandLine;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// Every setting as an option: <c>PROXY_PORT</c> is <c>--proxy-port</c> too. Made from the map of the settings, so that none is ever missing; an option counts
/// more than the environment.
/// </summary>
internal sealed class SettingOptions
{
    private readonly (string Name, Option<string> Option)[] _options =
        [.. EnvironmentVariables.All.Select(row => (row.Name, new Option<string>(NameOf(row.Name)) { Recursive = true, Description = row.Meaning, HelpName = row.Range }))];

    public IEnumerable<Option> All => _options.Select(row => row.Option);

    /// <summary>The option of a setting.</summary>
    public static string NameOf(string variable) => $"--{variable.ToLowerInvariant().Replace('_', '-')}";

    /// <summary>What the command line sets.</summary>
    public IReadOnlyDictionary<string, string> Given(ParseResult parsed) =>
        _options.Where(row => parsed.GetResult(row.Option) is not null).ToDictionary(row => row.Name, row => parsed.GetValue(row.Option) ?? "", StringComparer.Ordinal);
}
