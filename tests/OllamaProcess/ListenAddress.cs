using System.Globalization;

namespace OllamaProxy.OllamaProcess;

/// <summary>The address on which <c>ollama serve</c> listens, by the real rules for <c>OLLAMA_HOST</c>.</summary>
internal static class ListenAddress
{
    private const int DefaultPort = 11434;

    /// <summary>Null for a value that the real Ollama cannot resolve.</summary>
    public static (string Host, int Port)? Parse(string? value)
    {
        var text = (value ?? "").Trim().Trim('"', '\'').Trim();
        var fallback = DefaultPort;
        foreach (var (scheme, port) in new[] { ("http://", 80), ("https://", 443) })
        {
            if (text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            {
                (text, fallback) = (text[scheme.Length..], port);
            }
        }

        text = text.Split('/', 2)[0];
        if (text is "::1" or "::")
        {
            return ($"[{text}]", fallback);
        }

        var colon = text.EndsWith(']') ? -1 : text.LastIndexOf(':');
        var name = colon < 0 ? text : text[..colon];
        var port2 = fallback;
        if (colon >= 0 && (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port2) || port2 > 65_535))
        {
            port2 = fallback;
        }

        return name switch
        {
            "" when colon >= 0 => ("[::]", port2),
            "" or "localhost" or "127.0.0.1" => ("127.0.0.1", port2),
            "0.0.0.0" or "[::]" => ("[::]", port2),
            "[::1]" => ("[::1]", port2),
            _ when System.Net.IPAddress.TryParse(name, out _) && name.Contains('.', StringComparison.Ordinal) => (name, port2),
            _ => null,
        };
    }
}
