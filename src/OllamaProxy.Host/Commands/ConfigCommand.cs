using System.Text.Json;
using System.Text.Json.Serialization;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary><c>ollama-proxy config</c>: every setting, what it is, and where that comes from. What is wrong is shown, not refused.</summary>
internal static class ConfigCommand
{
    public static async Task<int> RunAsync(SettingValues values, bool json)
    {
        var (settings, problems) = EnvironmentVariables.Read(values);
        ConfigJson[] rows =
        [
            .. from row in EnvironmentVariables.All
               let value = values.Get(row.Name)?.Trim() is { Length: > 0 } text ? text : null
               let shown = value is null ? row.Default : row.IsSecret ? EnvironmentVariables.Hidden : EnvironmentVariables.WithoutCredentials(row.Name, value)
               let source = value is null ? "default" : values.IsOption(row.Name) ? "option" : "environment"
               select new ConfigJson(row.Name, shown, source, row.Meaning),
        ];
        if (json)
        {
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize(rows, ConfigJsonContext.Default.ConfigJsonArray));
        }
        else
        {
            var (name, value) = (rows.Max(row => row.Name.Length), Math.Min(40, rows.Max(row => row.Value.Length)));
            foreach (var row in rows)
            {
                await Console.Out.WriteLineAsync($"{row.Name.PadRight(name)}  {Terminal.Plain(row.Value).PadRight(value)}  {row.Source}");
            }
        }

        foreach (var notice in settings.Notices)
        {
            await Console.Error.WriteLineAsync($"note: {notice}");
        }

        foreach (var problem in problems)
        {
            await Console.Error.WriteLineAsync($"wrong: {problem}");
        }

        return problems.Count == 0 ? ExitCodes.Success : ExitCodes.Failed;
    }
}

/// <param name="Name">The environment variable.</param>
/// <param name="Value">As it counts; secrets are hidden.</param>
/// <param name="Source"><c>option</c>, <c>environment</c> or <c>default</c>.</param>
/// <param name="Meaning">One sentence.</param>
internal sealed record ConfigJson(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("value")] string Value,
    [property: JsonPropertyName("source")] string Source,
    [property: JsonPropertyName("meaning")] string Meaning);

[JsonSerializable(typeof(ConfigJson[]))]
[JsonSourceGenerationOptions(WriteIndented = true)]
internal sealed partial class ConfigJsonContext : JsonSerializerContext;
