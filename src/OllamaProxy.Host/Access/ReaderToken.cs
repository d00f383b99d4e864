using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OllamaProxy.Host.Access;

/// <summary>
/// <c>ANALYTICS_TOKEN</c> and the cookie that stands for it. The cookie says until when it holds, with a code that only who knows the token can make: the
/// token itself is never given to a browser to keep. Compared as hashes, in constant time.
/// </summary>
internal sealed class ReaderToken
{
    public const string CookieName = "ollama_proxy_reader";

    private const string Scheme = "Bearer ";

    /// <summary>A cookie whose code is as long as that is one of ours, or nearly.</summary>
    private const int MaxCookie = 200;

    private static readonly TimeSpan s_validity = TimeSpan.FromDays(7);

    /// <summary>The paths that a browser sends the cookie to. Not to Ollama's: it would be passed on.</summary>
    private static readonly string[] s_paths = ["/analytics", "/test"];

    private readonly byte[]? _hash;
    private readonly byte[] _key;
    private readonly TimeProvider _time;

    public ReaderToken(AccessOptions options, TimeProvider time)
    {
        _time = time;
        _hash = options.Token is { } token ? Hash(token) : null;
        _key = options.Token is { } secret ? HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), "ollama-proxy reader cookie"u8) : [];
    }

    public bool IsSet => _hash is not null;

    /// <summary>The token the request shows; null when it shows none.</summary>
    public static string? BearerOf(HttpContext http) =>
        http.Request.Headers.Authorization is [{ } value] && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? value[Scheme.Length..].Trim() : null;

    public bool Matches(string candidate) => _hash is not null && CryptographicOperations.FixedTimeEquals(Hash(candidate), _hash);

    /// <summary>True when the request has a cookie of ours that still holds.</summary>
    public bool HasCookie(HttpContext http)
    {
        if (_hash is null || http.Request.Cookies[CookieName] is not { Length: > 0 and < MaxCookie } cookie || cookie.IndexOf('.', StringComparison.Ordinal) is not (> 0 and var dot))
        {
            return false;
        }

        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Code(cookie[..dot])), Encoding.UTF8.GetBytes(cookie[(dot + 1)..]))
            && long.TryParse(cookie[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out var until)
            && until > _time.GetUtcNow().ToUnixTimeSeconds();
    }

    public void SetCookie(HttpContext http)
    {
        var until = (_time.GetUtcNow() + s_validity).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        foreach (var path in s_paths)
        {
            http.Response.Cookies.Append(CookieName, $"{until}.{Code(until)}", Options(http, path, s_validity));
        }
    }

    public static void DeleteCookie(HttpContext http)
    {
        foreach (var path in s_paths)
        {
            http.Response.Cookies.Append(CookieName, "", Options(http, path, TimeSpan.Zero));
        }
    }

    /// <summary>A proxy with TLS before us says so; who lies about it only harms the own cookie.</summary>
    private static CookieOptions Options(HttpContext http, string path, TimeSpan age) => new()
    {
        Path = PrefixOf(http) + path,
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Secure = http.Request.IsHttps || http.Request.Headers["X-Forwarded-Proto"].ToString().StartsWith("https", StringComparison.OrdinalIgnoreCase),
        MaxAge = age,
    };

    /// <summary>Where a proxy before us has put us, which is where the browser finds us; the cookie is for there.</summary>
    private static string PrefixOf(HttpContext http)
    {
        var prefix = http.Request.Headers["X-Forwarded-Prefix"].ToString().TrimEnd('/');
        return prefix.StartsWith('/') && prefix.All(letter => char.IsAsciiLetterOrDigit(letter) || "/-._~".Contains(letter, StringComparison.Ordinal)) ? prefix : "";
    }

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    private string Code(string until) => Convert.ToHexStringLower(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(until)));
}
