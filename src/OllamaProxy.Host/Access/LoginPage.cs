using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.Host.Access;

/// <summary>A page without scripts that exchanges the token for a cookie.</summary>
internal static class LoginPage
{
    /// <summary>Enough for a form with one field.</summary>
    private const int MaxBody = 4_096;

    /// <summary>The dashboard's colors and sizes. This page cannot load its style sheet, because that requires the token.</summary>
    private const string Style = """
        :root{color-scheme:light dark;--ground:light-dark(#f6f7f9,#121417);--surface:light-dark(#fff,#1a1d21);--line:light-dark(#e3e6ea,#2b3037);
          --strong:light-dark(#c9ced6,#3d444e);--ink:light-dark(#1b1f24,#e6e8eb);--quiet:light-dark(#5b6470,#9aa3ae);--accent:light-dark(#2f5bd7,#3d66dd)}
        *{box-sizing:border-box}
        body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--ground);color:var(--ink);
          font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Inter,"Noto Sans",sans-serif}
        main{width:100%;max-width:380px;padding:28px;background:var(--surface);border:1px solid var(--line);border-radius:10px;box-shadow:0 1px 2px #0001}
        h1{display:flex;gap:10px;align-items:center;margin:0 0 12px;font-size:17px;letter-spacing:-.01em}
        svg{width:26px;height:26px;fill:none;stroke:#fff;stroke-width:2.6;stroke-linecap:round;stroke-linejoin:round}rect{fill:var(--accent);stroke:none}
        p{margin:0 0 16px;color:var(--quiet)}p.wrong{color:light-dark(#b42318,#ff8a7d)}
        label{font-weight:500}
        input,button{font:inherit;width:100%;height:40px;padding:0 11px;border-radius:6px;border:1px solid var(--strong)}
        input,button{background:var(--surface);color:var(--ink)}
        input{margin:4px 0 14px}
        button{background:var(--accent);border-color:var(--accent);color:#fff;font-weight:550;cursor:pointer}
        :focus-visible{outline:2px solid var(--accent);outline-offset:1px}
        """;

    /// <summary>Allows only this style and this form: no script, image or frame.</summary>
    private static readonly string s_policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; form-action 'self'; base-uri "
            + "'none'; frame-ancestors 'none'";

    public static Task<IResult> ShowAsync(HttpContext http) => Task.FromResult(
        Token(http).IsSet ? Page(http, StatusCodes.Status200OK, "") : NoToken());

    public static async Task<IResult> LogInAsync(HttpContext http)
    {
        var token = Token(http);
        if (!token.IsSet)
        {
            return NoToken();
        }

        if (await ReadFormAsync(http.Request) is not { } form)
        {
            return Answers.Problem(StatusCodes.Status400BadRequest, "Invalid login request",
                "Send the form of this page: application/x-www-form-urlencoded with the field token.");
        }

        var refusal = token.Refuse(
            http,
            form["token"].ToString().Trim(),
            () => Page(http, StatusCodes.Status401Unauthorized, "<p class=\"wrong\" role=\"alert\">Wrong token.</p>"));
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

    /// <summary>The form; null when the body is not a form.</summary>
    private static async Task<IFormCollection?> ReadFormAsync(HttpRequest request)
    {
        if (!request.HasFormContentType || request.ContentLength is not <= MaxBody)
        {
            return null;
        }

        try
        {
            return await request.ReadFormAsync(request.HttpContext.RequestAborted);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            return null;
        }
    }

    /// <summary>Makes the browser continue with GET. The path is relative, because a proxy in front may add a prefix.</summary>
    private static StatusCodeHttpResult SeeOther(HttpContext http, string path)
    {
        http.Response.Headers.Location = path;
        return TypedResults.StatusCode(StatusCodes.Status303SeeOther);
    }

    private static IResult NoToken() => Answers.Problem(
        StatusCodes.Status403Forbidden, "No token is set",
            "Start the proxy with ANALYTICS_TOKEN set to a secret of 16 characters or more. Without a token, only the proxy's own machine may read.");

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
            <main>
            <h1><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7"/><path d="M6 20h4l3-10 5 14 3-8h5"/></svg>ollama-proxy</h1>
            <p>Records contain prompts and responses. Enter the token of the proxy (ANALYTICS_TOKEN).</p>
            {message}
            <form method="post">
            <label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>
            <button>Log in</button>
            </form>
            </main>
            </html>

            """,
            "text/html; charset=utf-8",
            statusCode: status);
    }

    private static AccessToken Token(HttpContext http) => http.RequestServices.GetRequiredService<ReaderAccess>().Token;

    private static ReaderSessions Sessions(HttpContext http) => http.RequestServices.GetRequiredService<ReaderSessions>();
}
