using System.Net;
using Microsoft.Extensions.Primitives;

namespace OllamaProxy.Host.Access;

/// <summary>Reads <c>Forwarded</c> (RFC 7239): <c>for=192.0.2.43;proto=https, for="[2001:db8::17]:4711"</c>.</summary>
internal static class ForwardedHeader
{
    /// <summary>The <c>for</c> addresses from the right; null for each that is missing, invalid, or in a malformed line.</summary>
    public static IEnumerable<IPAddress?> AddressesFromRight(StringValues lines)
    {
        for (var index = lines.Count - 1; index >= 0; index--)
        {
            var line = lines[index] ?? "";
            if (!TrySplit(line, ',', out var elements))
            {
                yield return null;
                continue;
            }

            for (var element = elements.Count - 1; element >= 0; element--)
            {
                yield return AddressOf(line[elements[element]]);
            }
        }
    }

    private static IPAddress? AddressOf(string element)
    {
        if (!TrySplit(element, ';', out var pairs))
        {
            return null;
        }

        IPAddress? address = null;
        foreach (var range in pairs)
        {
            var pair = element.AsSpan()[range].Trim();
            if (!pair.StartsWith("for=", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            // A repeated name is ambiguous.
            if (address is not null)
            {
                return null;
            }

            var value = pair["for=".Length..].Trim();
            address = TrustedProxies.Parse(value is ['"', .. var quoted, '"'] ? quoted : value);
            if (address is null)
            {
                return null;
            }
        }

        return address;
    }

    /// <summary>Splits outside quotes; false when a quote is not closed.</summary>
    private static bool TrySplit(string text, char separator, out List<Range> parts)
    {
        parts = [];
        var (start, isQuoted) = (0, false);
        for (var position = 0; position < text.Length; position++)
        {
            if (isQuoted && text[position] == '\\')
            {
                position++;
            }
            else if (text[position] == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (!isQuoted && text[position] == separator)
            {
                parts.Add(start..position);
                start = position + 1;
            }
        }

        parts.Add(start..);
        return !isQuoted;
    }
}
