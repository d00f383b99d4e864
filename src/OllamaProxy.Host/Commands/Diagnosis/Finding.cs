using System.Text.Json.Serialization;

namespace OllamaProxy.Host.Commands.Diagnosis;

/// <summary>A finding of <c>doctor</c>.</summary>
/// <param name="About">The subject.</param>
/// <param name="Verdict"><c>ok</c>, <c>note</c> (worth knowing), <c>warn</c> (hurts) or <c>bad</c> (does not work).</param>
/// <param name="Text">The finding.</param>
/// <param name="Advice">The fix; null when none is needed.</param>
internal sealed record Finding(
    [property: JsonPropertyName("about")] string About,
    [property: JsonPropertyName("verdict")] string Verdict,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("advice")] string? Advice = null)
{
    public static Finding Ok(string about, string text) => new(about, "ok", text);

    public static Finding Note(string about, string text, string? advice = null) => new(about, "note", text, advice);

    public static Finding Warn(string about, string text, string advice) => new(about, "warn", text, advice);

    public static Finding Bad(string about, string text, string advice) => new(about, "bad", text, advice);
}

[JsonSerializable(typeof(Finding[]))]
[JsonSourceGenerationOptions(WriteIndented = true)]
internal sealed partial class FindingJsonContext : JsonSerializerContext;
