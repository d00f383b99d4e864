using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace OllamaProxy.SimulatedOllama;

/// <summary>Ollama's access rules: the Origin check, then, on loopback, the Host check, both before any route.</summary>
internal sealed partial class HostRules(bool isLoopback)
{
    private const string Headers =
        "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-Stainless-Async,X-Stainless-Custom-Poll-Interval,"
        + "X-Stainless-Helper-Method,"
        + "X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,"
        + "X-Stainless-Runtime-Version,X-Stainless-Timeout";

    /// <summary>Returns true when it has already decided the response.</summary>
    /// <param name="context">The request.</param>
    /// <param name="allow">The Allow header of the route for this method; null without one.</param>
    public bool Answer(HttpContext context, string? allow)
    {
        var response = context.Response;
        var host = context.Request.Headers.Host.ToString();
        var origin = context.Request.Headers.Origin.ToString();
        if (allow is not null)
        {
            response.Headers.Allow = allow;
        }

        if (origin.Length > 0 && origin != "http://" + host && origin != "https://" + host)
        {
            if (!AllowedOrigin().IsMatch(origin))
            {
                return Refuse(response);
            }

            response.Headers.AccessControlAllowOrigin = origin;
            if (context.Request.Method == "OPTIONS")
            {
                response.StatusCode = 204;
                response.Headers.AccessControlAllowMethods = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS";
                response.Headers.AccessControlAllowHeaders = Headers;
                response.Headers.AccessControlMaxAge = "43200";
                response.Headers.Vary = new(["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"]);
                return true;
            }

            response.Headers.Vary = "Origin";
        }

        if (!isLoopback || IPEndPointHost(host) is not { } name)
        {
            return false;
        }

        if (IPAddress.TryParse(name, out var address))
        {
            return !IsNear(address) && Refuse(response);
        }

        if (!AllowedName(name))
        {
            return Refuse(response);
        }

        if (context.Request.Method == "OPTIONS")
        {
            response.StatusCode = 204;
            return true;
        }

        return false;
    }

    private static string? IPEndPointHost(string host) => host.Length == 0 ? null : host.StartsWith('[')
        ? (host.Contains("]:", StringComparison.Ordinal) ? host[1..host.IndexOf(']', StringComparison.Ordinal)] : host)
        : host.Split(':', 2)[0];

    private static bool AllowedName(string name) =>
        name.Length == 0
        || name.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || name.Equals(Dns.GetHostName(), StringComparison.OrdinalIgnoreCase)
        || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || name.EndsWith(".local", StringComparison.OrdinalIgnoreCase)
        || name.EndsWith(".internal", StringComparison.OrdinalIgnoreCase);

    private static bool IsNear(IPAddress address)
    {
        if (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        {
            return true;
        }

        var bytes = address.GetAddressBytes();
        return bytes.Length == 4
            ? bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xF0) == 16) || (bytes[0] == 192 && bytes[1] == 168)
            : (bytes[0] & 0xFE) == 0xFC;
    }

    private static bool Refuse(HttpResponse response)
    {
        response.StatusCode = 403;
        response.ContentLength = 0;
        return true;
    }

    [GeneratedRegex(@"^(https?://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:.*)?|(app|file|tauri|vscode-webview|vscode-file)://.*)$")]
    private static partial Regex AllowedOrigin();
}
