using System.Buffers.Text;
using System.Globalization;
using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>A position in an order, opaque to the client, with the order it belongs to.</summary>
internal sealed record PageCursor(RequestOrder Order, bool Ascending, RequestCursor Place)
{
    /// <summary>The longest cursor.</summary>
    private const int MaxLength = 200;

    public string Encode() => Base64Url.EncodeToString(Encoding.ASCII.GetBytes(
        string.Create(CultureInfo.InvariantCulture,
            $"{(int)Order}|{(Ascending ? 'a' : 'd')}|{Place.Value?.ToString("R", CultureInfo.InvariantCulture)}|{Place.Id}")));

    /// <summary>The cursor; null for an invalid text.</summary>
    public static PageCursor? Decode(string text)
    {
        if (text.Length > MaxLength || !Base64Url.IsValid(text))
        {
            return null;
        }

        var parts = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(text)).Split('|');
        if (parts is not [var order, "a" or "d", var value, var id]
            || !int.TryParse(order, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || !Enum.IsDefined((RequestOrder)number)
            || !long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var position))
        {
            return null;
        }

        var parsed = 0.0;
        return value.Length > 0 && !(double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out parsed) && double.IsFinite(parsed))
            ? null
            : new PageCursor((RequestOrder)number, parts[1] == "a", new RequestCursor(value.Length > 0 ? parsed : null, position));
    }
}
