using System.Globalization;
using System.Net;

namespace OllamaProxy.Host.Configuration;

internal static partial class EnvironmentVariables
{
    private static bool IsName(string text) => text.Length is >= 1 and <= 64 && text.All(character => character is > ' ' and < '\x7f');

    private static bool IsSecret(string text) => text.Length is >= 16 and <= 512 && text.All(character => character is > ' ' and < '\x7f');

    private static bool? Boolean(string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" => true,
        "false" or "0" or "no" or "off" => false,
        _ => null,
    };

    private static LogLevel? Level(string text) => text.ToLowerInvariant() switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" or "information" => LogLevel.Information,
        "warn" or "warning" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "none" => LogLevel.None,
        _ => null,
    };

    private static T? Word<T>(string text)
        where T : struct, Enum =>
        Enum.GetNames<T>().Contains(text, StringComparer.OrdinalIgnoreCase) ? Enum.Parse<T>(text, ignoreCase: true) : null;

    private static int? Integer(string text, int min, int max) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max ? value : null;

    private static Uri? HttpUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && url is { UserInfo.Length: 0, Query.Length: 0, Fragment.Length: 0 }
        && url.Segments[^1].TrimEnd('/').ToLowerInvariant() is not ("v1" or "api")
            ? url
            : null;

    /// <summary>Names without scheme, port or path, as in a Host header.</summary>
    private static string[]? HostNames(string text)
    {
        var names = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return names.Length > 0 && names.All(name => Uri.CheckHostName(name) == UriHostNameType.Dns) ? names : null;
    }

    private static IPAddress[]? Addresses(string text)
    {
        List<IPAddress> addresses = [];
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            {
                addresses.AddRange([IPAddress.Loopback, IPAddress.IPv6Loopback]);
            }
            else if (IPAddress.TryParse(part.Trim('[', ']'), out var address))
            {
                addresses.Add(address);
            }
            else
            {
                return null;
            }
        }

        return addresses.Count == 0 ? null : [.. addresses.Distinct()];
    }
}
