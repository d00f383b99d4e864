using System.Globalization;

namespace OllamaProxy.Domain;

/// <summary>A count with its noun, so that no message says "1 records".</summary>
public static class Amount
{
    /// <param name="count">How many.</param>
    /// <param name="noun">The singular.</param>
    /// <param name="plural">The plural where it is not the singular with an s.</param>
    public static string Of(long count, string noun, string? plural = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? noun : plural ?? noun + "s")}");
}
