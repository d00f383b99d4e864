using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Access;

/// <summary>
/// A token of the settings, and the wrong guesses of each client. Tokens are compared as hashes in constant time; guesses are limited by
/// <see cref="FailedLogins"/>.
/// </summary>
/// <param name="token">The token; null when none is required.</param>
/// <param name="proxy">The trusted proxies, which name the client.</param>
/// <param name="time">The clock.</param>
internal sealed class AccessToken(string? token, ProxyOptions proxy, TimeProvider time)
{
    private const string Scheme = "Bearer ";

    /// <summary>The longest token that the settings allow.</summary>
    private const int MaxLength = 512;

    private readonly byte[]? _hash = token is null ? null : Hash(token);
    private readonly FailedLogins _failures = new(time);

    public bool IsSet => _hash is not null;

    /// <summary>The token of the request; null without one.</summary>
    public static string? BearerOf(HttpContext http) =>
        http.Request.Headers.Authorization is [{ } value] && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? value[Scheme.Length..].Trim()
            : null;

    /// <summary>Null when the candidate is the token, otherwise the refusal: the one given, or 429 for a client that guessed too often.</summary>
    public IResult? Refuse(HttpContext http, string candidate, Func<IResult> whenWrong)
    {
        var isRight = _hash is not null && candidate.Length <= MaxLength && CryptographicOperations.FixedTimeEquals(Hash(candidate), _hash);
        return _failures.Judge(TrustedProxies.ClientOf(http, proxy.TrustedProxies), isRight) is { } wait ? TooMany(http, wait)
            : isRight ? null
            : whenWrong();
    }

    private static IResult TooMany(HttpContext http, TimeSpan wait)
    {
        http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return Answers.Problem(StatusCodes.Status429TooManyRequests, "Too many wrong tokens", $"Try again in {http.Response.Headers.RetryAfter} s.");
    }

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
