using System.Runtime.InteropServices;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// On Linux, .NET uses the system's OpenSSL for hashes and TLS, and ends the process without it. Most settings need neither, so the program runs without
/// OpenSSL. With a setting that needs it, the start fails instead of the first request.
/// </summary>
internal static class OpenSsl
{
    // The names that .NET tries.
    private static readonly string[] s_libraries = ["libssl.so.3", "libssl.so.1.1", "libssl.so.1.0.2", "libssl.so.1.0.0", "libssl.so.10", "libssl.so"];

    /// <exception cref="StartException">A setting needs OpenSSL, which is missing.</exception>
    public static void RequireFor(ProxySettings settings)
    {
        if (OperatingSystem.IsLinux() && SettingThatNeedsIt(settings) is { } setting && !Array.Exists(s_libraries, CanLoad))
        {
            throw new StartException($"{setting} needs OpenSSL (libssl.so.3), which is not installed. Install it (Debian and Ubuntu: apt-get install "
                + "libssl3), or remove the setting.");
        }
    }

    private static string? SettingThatNeedsIt(ProxySettings settings) =>
        settings.Access.Token is not null ? "ANALYTICS_TOKEN"
        : settings.Scrape.Token is not null ? "METRICS_TOKEN"
        : settings.Ollama.BackendUrl?.Scheme == Uri.UriSchemeHttps ? "OLLAMA_BACKEND_URL with https"
        : null;

    private static bool CanLoad(string library) => NativeLibrary.TryLoad(library, out _);
}
