using System.Globalization;
using System.Text.Json;

namespace OllamaProxy.BrowserTests;

/// <summary>Formats numbers as the page does, implemented independently from the documentation.</summary>
internal static class PageText
{
    public const string Unknown = "–";

    public static double? Number(JsonElement json, string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    public static int? Count(JsonElement json, string key) => (int?)Number(json, key);

    public static string Text(JsonElement json, string key) => Count(json, key)?.ToString("N0", CultureInfo.InvariantCulture) ?? Unknown;

    public static string Speed(double? tokensPerSecond) => tokensPerSecond is { } value ? $"{Significant(value)} tok/s" : Unknown;

    public static string Estimated(JsonElement json, string key, string text) =>
        text != Unknown && json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.True ? $"~ {text}" : text;

    /// <param name="seconds">Less than 90 seconds.</param>
    public static string Duration(double? seconds) => seconds switch
    {
        null => Unknown,
        < 0.00995 => $"{(seconds.Value * 1_000).ToString("F1", CultureInfo.InvariantCulture)} ms",
        < 0.9995 => $"{(seconds.Value * 1_000).ToString("F0", CultureInfo.InvariantCulture)} ms",
        _ => $"{Significant(seconds.Value)} s",
    };

    /// <summary>Three significant digits, at most two of them after the decimal point.</summary>
    private static string Significant(double value) => value.ToString(value < 10 ? "F2" : value < 100 ? "F1" : "F0", CultureInfo.InvariantCulture);
}

/// <summary>The texts that the page shows for a record of the API.</summary>
internal sealed class PageFacts(JsonElement record)
{
    public string Input { get; } = PageText.Text(record, "input_tokens");

    public string Output { get; } = PageText.Estimated(record, "tokens_estimated", PageText.Text(record, "output_tokens"));

    public string Speed { get; } = PageText.Estimated(record, "tokens_per_second_estimated", PageText.Speed(PageText.Number(record, "tokens_per_second")));

    public string FirstToken { get; } = PageText.Duration(PageText.Number(record, "time_to_first_token"));

    public string Duration { get; } = PageText.Duration(PageText.Number(record, "latency"));
}
