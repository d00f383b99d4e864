using System.Security.Cryptography;
using System.Text;
using OllamaProxy.Host.Access;

namespace OllamaProxy.Host.Telemetry;

/// <summary><c>METRICS_TOKEN</c>: compared as hashes, in constant time. It opens <c>/metrics</c> and nothing else.</summary>
internal sealed class MetricsToken(ScrapeOptions options)
{
    private readonly byte[]? _hash = options.Token is { } token ? Hash(token) : null;

    public bool Admits(HttpContext http) =>
        _hash is null || (ReaderToken.BearerOf(http) is { } shown && CryptographicOperations.FixedTimeEquals(Hash(shown), _hash));

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
