namespace OllamaProxy.Host.Configuration;

/// <summary>The text of each setting, from the command line or else the environment.</summary>
/// <param name="environment">The process environment, or a test's dictionary.</param>
/// <param name="names">Every variable there is, to find misspelled ones.</param>
/// <param name="options">What the command line sets, by the variable's name.</param>
internal sealed class SettingValues(Func<string, string?> environment, IEnumerable<string> names, IReadOnlyDictionary<string, string> options)
{
    public IEnumerable<string> Names => names;

    /// <summary>The values of this process.</summary>
    public static SettingValues OfProcess(IReadOnlyDictionary<string, string> options) =>
        new(EnvironmentVariables.OfProcess, EnvironmentVariables.NamesOfProcess(), options);

    public string? Get(string name) => options.TryGetValue(name, out var value) ? value : environment(name);

    public bool IsOption(string name) => options.ContainsKey(name);

    /// <summary>The setting under the name by which it was set.</summary>
    public string NameOf(string name) => IsOption(name) ? Commands.SettingOptions.NameOf(name) : name;
}
