using System.Globalization;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The process that listens on a port, as far as this user may know.</summary>
/// <param name="ProcessId">Null when it belongs to another user and the system hides it.</param>
/// <param name="Name">The program's name, without a path.</param>
/// <param name="Manager">The service that would restart it; null for none or unknown.</param>
/// <param name="Unit">The systemd unit it belongs to.</param>
/// <param name="User">The user it runs as, when that is all that is known.</param>
public sealed record PortOwner(int? ProcessId, string? Name, PortManager? Manager = null, string? Unit = null, string? User = null)
{
    /// <summary>The program that listens on a TCP port of this machine; null for none or unknown.</summary>
    public static PortOwner? Find(int port) =>
        OperatingSystem.IsLinux() ? LinuxPorts.Find(port) :
        OperatingSystem.IsWindows() ? WindowsPorts.Find(port) :
        OperatingSystem.IsMacOS() ? MacPorts.Find(port) :
        null;

    /// <summary>Fits after "held by"; empty when nothing is known.</summary>
    public string Describe()
    {
        List<string> parts = [];
        if (ProcessId is { } id)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"process {id}"));
        }

        if (Unit is not null)
        {
            parts.Add($"systemd unit {Unit}");
        }

        if (ProcessId is null && User is not null)
        {
            parts.Add($"user {User}");
        }

        return parts.Count == 0 ? Name ?? "" : $"{Name ?? "a program"} ({string.Join(", ", parts)})";
    }

    /// <summary>The ways to free the port, a line each; empty when the program's name is enough.</summary>
    public IReadOnlyList<string> WaysToFree(int port) => Manager switch
    {
        PortManager.Systemd when IsOllama =>
        [
            $"stop it and keep it from starting again: sudo systemctl disable --now {Unit}",
            $"or move it to the private port, where systemd still supervises it: sudo systemctl edit {Unit}, add the lines [Service] and "
                + $"Environment=OLLAMA_HOST=127.0.0.1:11435, then sudo systemctl restart {Unit}",
        ],
        PortManager.Systemd => [$"stop it: sudo systemctl stop {Unit}"],
        PortManager.WindowsApp =>
        [
            "quit Ollama from its icon beside the clock (ending ollama.exe is not enough: the app starts it again), and take it out of Settings > Apps > "
                + "Startup",
        ],
        PortManager.MacApp =>
        [
            "quit Ollama from the menu bar (ending its server is not enough: the app starts it again), and take it out of System Settings > General > Login "
                + "Items",
        ],
        PortManager.Homebrew => ["stop it: brew services stop ollama"],
        PortManager.Docker =>
        [
            $"it is a container's published port: stop the container, or publish it elsewhere (-p 127.0.0.1:11435:{port}); the proxy then uses it there",
        ],
        PortManager.Wsl => ["it belongs to a Linux under Windows (WSL): stop the Ollama in it, or run ollama-proxy there"],
        _ => [],
    };

    private bool IsOllama => Name?.StartsWith("ollama", StringComparison.OrdinalIgnoreCase) == true || Unit == "ollama.service";
}

/// <summary>Who keeps a program running.</summary>
public enum PortManager
{
    Systemd,

    /// <summary>Ollama's own app on Windows.</summary>
    WindowsApp,

    /// <summary>Ollama's own app on macOS.</summary>
    MacApp,

    Homebrew,

    /// <summary>Docker or Podman, which listen for their containers.</summary>
    Docker,

    /// <summary>Windows' relay into its Linux.</summary>
    Wsl,
}
