namespace OllamaProxy.Host.Configuration;

/// <summary>The text of each setting, from the command line or else the environment.</summary>
/// <param name="environment">The process environment, or a test's dictionary.</param>
/// <param name="names">All variable names, to find misspelled ones.</param>
/// <param name="options">The settings of the command line, by variable name.</param>
internal sealed class SettingValues(Func<string, string?> environment, IEnumerable<string> names, IReadOnlyDictionary<string, string> options)
{
    public IEnumerable<string> Names => names;

    public static SettingValues OfProcess(IReadOnlyDictionary<string, string> options) =>
        new(EnvironmentVariables.OfProcess, EnvironmentVariables.NamesOfProcess(), options);

    public string? Get(string name) => options.TryGetValue(name, out var value) ? value : environment(name);

    public bool IsOption(string name) => options.ContainsKey(name);

    /// <summary>The name under which the setting was given: its option or its variable.</summary>
    public string NameOf(string name) => IsOption(name) ? Commands.SettingOptions.NameOf(name) : name;
}
