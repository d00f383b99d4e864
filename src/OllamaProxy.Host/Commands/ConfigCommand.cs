using System.Text.Json;
using System.Text.Json.Serialization;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands;

/// <summary><c>ollama-proxy config</c>: each setting, its value and its source. Invalid values are shown, not rejected.</summary>
internal static class ConfigCommand
{
    /// <summary>A longer value shifts only its own row's source, not that of every row.</summary>
    private const int LongestValue = 40;

    private static readonly ProxySettings s_defaults = new();

    public static async Task<int> RunAsync(SettingValues values, bool json, bool changed)
    {
        var (settings, problems) = EnvironmentVariables.Read(values);
        ConfigJson[] rows =
        [
            .. from row in EnvironmentVariables.All
               let value = values.Get(row.Name)?.Trim() is { Length: > 0 } text ? text : null
               let shown = value is null ? row.Default : row.IsSecret ? EnvironmentVariables.Hidden : EnvironmentVariables.WithoutCredentials(row.Name, value)
               let source = value is null ? "default" : values.IsOption(row.Name) ? "option" : "environment"
               // Compared as settings, because a value can be written in several ways.
               where !changed || (value is not null && row.Apply(s_defaults, value) != s_defaults)
               select new ConfigJson(row.Name, shown, source, row.Meaning),
        ];
        if (json)
        {
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize(rows, ConfigJsonContext.Default.ConfigJsonArray));
        }
        else
        {
            await ShowAsync(rows);
        }

        foreach (var notice in settings.Notices)
        {
            await Console.Error.WriteLineAsync($"{Terminal.PaintError(Ansi.Yellow, "note:")} {notice}");
        }

        foreach (var problem in problems)
        {
            await Console.Error.WriteLineAsync($"{Terminal.PaintError(Ansi.Red, "invalid:")} {problem}");
        }

        return problems.Count == 0 ? ExitCodes.Success : ExitCodes.Failed;
    }

    private static async Task ShowAsync(ConfigJson[] rows)
    {
        if (rows.Length == 0)
        {
            await Console.Error.WriteLineAsync("Every setting has its default value.");
            return;
        }

        var (name, source) = (rows.Max(row => row.Name.Length), rows.Max(row => row.Source.Length));
        var room = Terminal.Width is { } width ? Math.Clamp(width - name - source - 4, 10, LongestValue) : LongestValue;
        var value = Math.Min(room, rows.Max(row => row.Value.Length));
        foreach (var row in rows)
        {
            var isDefault = row.Source == "default";
            var line = $"{row.Name.PadRight(name)}  {Terminal.Plain(row.Value).PadRight(value)}  ";
            await Console.Out.WriteLineAsync(isDefault ? Terminal.Paint(Ansi.Dim, line + row.Source) : line + Terminal.Paint(Ansi.Cyan, row.Source));
        }
    }
}

/// <param name="Name">The environment variable.</param>
/// <param name="Value">The effective value; secrets are hidden.</param>
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
