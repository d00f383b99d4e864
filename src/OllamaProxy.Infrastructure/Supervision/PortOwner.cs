using System.Globalization;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The process that listens on a port, as far as this user may see it.</summary>
/// <param name="ProcessId">Null when it belongs to another user and the system hides it.</param>
/// <param name="Name">The program's name, without a path.</param>
/// <param name="Manager">The service that would restart it; null without one, or when unknown.</param>
/// <param name="Unit">The systemd unit it belongs to.</param>
/// <param name="User">Its user, when nothing else is known.</param>
public sealed record PortOwner(int? ProcessId, string? Name, PortManager? Manager = null, string? Unit = null, string? User = null)
{
    /// <summary>The program that listens on a local TCP port; null when there is none or it is unknown.</summary>
    public static PortOwner? Find(int port) =>
        OperatingSystem.IsLinux() ? LinuxPorts.Find(port) :
        OperatingSystem.IsWindows() ? WindowsPorts.Find(port) :
        OperatingSystem.IsMacOS() ? MacPorts.Find(port) :
        null;

    /// <summary>The owner in words, to follow "is in use by"; empty when nothing is known.</summary>
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

    /// <summary>Instructions to free the port, one per line; empty when the program's name is enough.</summary>
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
            "quit Ollama in the system tray (ending ollama.exe is not enough: the app restarts it), and disable it in Settings > Apps > "
                + "Startup",
        ],
        PortManager.MacApp =>
        [
            "quit Ollama in the menu bar (ending its server is not enough: the app restarts it), and remove it from System Settings > General > Login "
                + "Items",
        ],
        PortManager.Homebrew => ["stop it: brew services stop ollama"],
        PortManager.Docker =>
        [
            $"it is the published port of a container: stop the container, or publish it on the private port (-p 127.0.0.1:11435:{port})",
        ],
        PortManager.Wsl => ["it belongs to WSL: stop the Ollama in it, or run ollama-proxy there"],
        _ => [],
    };

    private bool IsOllama => Name?.StartsWith("ollama", StringComparison.OrdinalIgnoreCase) == true || Unit == "ollama.service";
}

/// <summary>The service that keeps a program running.</summary>
public enum PortManager
{
    Systemd,

    /// <summary>Ollama's own app on Windows.</summary>
    WindowsApp,

    /// <summary>Ollama's own app on macOS.</summary>
    MacApp,

    Homebrew,

    /// <summary>Docker or Podman, which listen on behalf of their containers.</summary>
    Docker,

    /// <summary>The relay of the Windows Subsystem for Linux.</summary>
    Wsl,
}
