using System.Text.Json;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The columns of <see cref="StatSums"/> in a table: one for each number, and the count, sum, maximum and histogram of each measure.</summary>
internal static class StatColumns
{
    public static IReadOnlyList<string> Numbers { get; } = [.. StatSums.Numbers.Select(number => Snake(number.ToString()))];

    public static IReadOnlyList<string> Measures { get; } = [.. StatSums.Measures.Select(measure => Snake(measure.ToString()))];

    public static IReadOnlyList<string> All { get; } = [.. Numbers, .. Measures.SelectMany(Of)];

    /// <summary>The columns of a measure. Its count follows from its histogram, and is there for people.</summary>
    public static IReadOnlyList<string> Of(string measure) => [$"{measure}_count", $"{measure}_sum", $"{measure}_max", $"{measure}_histogram"];

    /// <summary>The columns with their types, of which none may be NULL.</summary>
    /// <param name="number">The type of a number.</param>
    /// <param name="measure">The types of the columns of a measure.</param>
    public static string Declarations(string number, IReadOnlyList<string> measure) => string.Join(
        ",\n    ",
        [
            .. Numbers.Select(name => $"{name} {number} NOT NULL"),
            .. Measures.Select(name => string.Join(", ", Of(name).Zip(measure, (part, type) => $"{part} {type} NOT NULL"))),
        ]);

    private static string Snake(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
