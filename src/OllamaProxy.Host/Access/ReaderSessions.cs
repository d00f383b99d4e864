using System.Globalization;
using System.Security.Cryptography;

namespace OllamaProxy.Host.Access;

/// <summary>
/// The sessions of browsers. A cookie contains its expiry and random letters, and the proxy keeps valid cookies in memory. A logout or a restart ends them.
/// </summary>
internal sealed class ReaderSessions(TimeProvider time)
{
    public const string CookieName = "ollama_proxy_reader";

    /// <summary>The most sessions; beyond it, the one that expires first is dropped.</summary>
    private const int MaxSessions = 1_000;

    private const int RandomLetters = 32;

    private static readonly TimeSpan s_validity = TimeSpan.FromDays(7);

    /// <summary>The paths of the cookie. Ollama's paths are excluded, because the cookie would be forwarded.</summary>
    private static readonly string[] s_paths = ["/analytics", "/test"];

    private readonly Lock _changing = new();
    private readonly Dictionary<string, DateTimeOffset> _until = new(StringComparer.Ordinal);

    /// <summary>True when the request has the cookie of a session.</summary>
    public bool Has(HttpContext http)
    {
        lock (_changing)
        {
            return http.Request.Cookies[CookieName] is { } cookie && _until.TryGetValue(cookie, out var until) && until > time.GetUtcNow();
        }
    }

    public void Begin(HttpContext http)
    {
        var until = time.GetUtcNow() + s_validity;
        var cookie = string.Create(CultureInfo.InvariantCulture,
            $"{until.ToUnixTimeSeconds()}.{RandomNumberGenerator.GetHexString(RandomLetters, lowercase: true)}");
        lock (_changing)
        {
            if (_until.Count == MaxSessions)
            {
                _until.Remove(_until.MinBy(session => session.Value).Key);
            }

            _until[cookie] = until;
        }

        SetCookie(http, cookie, s_validity);
    }

    public void End(HttpContext http)
    {
        lock (_changing)
        {
            _until.Remove(http.Request.Cookies[CookieName] ?? "");
        }

        SetCookie(http, "", TimeSpan.Zero);
    }

    /// <summary>A TLS proxy in front sends X-Forwarded-Proto; a client that forges it affects only its own cookie.</summary>
    private static void SetCookie(HttpContext http, string value, TimeSpan age)
    {
        foreach (var path in s_paths)
        {
            http.Response.Cookies.Append(CookieName, value, new CookieOptions
            {
                Path = PrefixOf(http) + path,
                HttpOnly = true,
                SameSite = SameSiteMode.Strict,
                Secure = http.Request.IsHttps || http.Request.Headers["X-Forwarded-Proto"].ToString().StartsWith("https", StringComparison.OrdinalIgnoreCase),
                MaxAge = age,
            });
        }
    }

    /// <summary>The prefix that a proxy in front adds; it becomes part of the cookie's path.</summary>
    private static string PrefixOf(HttpContext http)
    {
        var prefix = http.Request.Headers["X-Forwarded-Prefix"].ToString().TrimEnd('/');
        var isPath = prefix.StartsWith('/') && prefix.All(letter => char.IsAsciiLetterOrDigit(letter) || "/-._~".Contains(letter, StringComparison.Ordinal));
        return isPath ? prefix : "";
    }
}
