using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.Host.Access;

/// <summary>A page without scripts where a person types the token once; the browser then has a cookie.</summary>
internal static class LoginPage
{
    /// <summary>A form with one field is not longer.</summary>
    private const int MaxBody = 4_096;

    private const string Style = "body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:15vh auto;padding:0 1rem;color:#222;background:#fafafa}"
        + "input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin:.5rem 0;border:1px solid #999;border-radius:4px}"
        + "button{background:#245;color:#fff;border:0}p.wrong{color:#a00}"
        + "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}input{background:#222;color:#ddd}p.wrong{color:#f88}}";

    /// <summary>Nothing but this style and this form: no script, no picture, no frame.</summary>
    private static readonly string s_policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static Task<IResult> ShowAsync(HttpContext http) => Task.FromResult(
        Token(http).IsSet ? Page(http, StatusCodes.Status200OK, "") : NoToken());

    public static async Task<IResult> LogInAsync(HttpContext http)
    {
        var token = Token(http);
        if (!token.IsSet)
        {
            return NoToken();
        }

        if (!http.Request.HasFormContentType || http.Request.ContentLength is not <= MaxBody)
        {
            return Answers.Problem(StatusCodes.Status400BadRequest, "This is no login", "Send the form of this page: application/x-www-form-urlencoded with the field token.");
        }

        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        var refusal = token.Refuse(
            http,
            form["token"].ToString().Trim(),
            () => Page(http, StatusCodes.Status401Unauthorized, "<p class=\"wrong\" role=\"alert\">That is not the token.</p>"));
        if (refusal is null)
        {
            Sessions(http).Begin(http);
        }

        return refusal ?? SeeOther(http, "../analytics");
    }

    public static Task<IResult> LogOutAsync(HttpContext http)
    {
        Sessions(http).End(http);
        return Task.FromResult<IResult>(SeeOther(http, "login"));
    }

    /// <summary>The browser goes on with GET. Relative to this page, because a proxy before us may have put us under a prefix.</summary>
    private static StatusCodeHttpResult SeeOther(HttpContext http, string path)
    {
        http.Response.Headers.Location = path;
        return TypedResults.StatusCode(StatusCodes.Status303SeeOther);
    }

    private static IResult NoToken() => Answers.Problem(
        StatusCodes.Status403Forbidden, "There is no token to log in with", "Start the proxy with ANALYTICS_TOKEN set to a secret of 16 characters or more. The machine the proxy runs on needs none.");

    private static ContentHttpResult Page(HttpContext http, int status, string message)
    {
        http.Response.Headers.ContentSecurityPolicy = s_policy;
        return TypedResults.Text(
            $"""
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>ollama-proxy: log in</title>
            <style>{Style}</style>
            <h1>ollama-proxy</h1>
            <p>The records show what was asked of the models. Type the token that the proxy was started with (ANALYTICS_TOKEN).</p>
            {message}
            <form method="post">
            <label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>
            <button>Log in</button>
            </form>
            </html>

            """,
            "text/html; charset=utf-8",
            statusCode: status);
    }

    private static AccessToken Token(HttpContext http) => http.RequestServices.GetRequiredService<ReaderAccess>().Token;

    private static ReaderSessions Sessions(HttpContext http) => http.RequestServices.GetRequiredService<ReaderSessions>();
}
