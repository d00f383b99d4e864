namespace OllamaProxy.Host.Installation;

/// <summary>The request and the state of the machine: the only input of a plan.</summary>
internal sealed record InstallRequest
{
    /// <summary>The running executable.</summary>
    public required string Program { get; init; }

    /// <summary>The port applications will connect to.</summary>
    public required int ProxyPort { get; init; }

    /// <summary>The private port of the real Ollama.</summary>
    public required int BackendPort { get; init; }

    /// <summary>Settings given as options: the service gets them.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Whether to change how Ollama starts so that the proxy gets its port; null when the user was not asked. For an uninstall: whether it was changed.
    /// </summary>
    public bool? TakeOver { get; init; }

    /// <summary>The account of the service; null for the default.</summary>
    public string? Account { get; init; }

    /// <summary>For an uninstall: also removes records, settings and logs.</summary>
    public bool RemovesData { get; init; }

    /// <summary>True when Ollama starts by itself on this machine: by its systemd unit, or the shortcut in the Startup folder.</summary>
    public bool OllamaStartsItself { get; init; }

    /// <summary>The ollama executable; null when not found.</summary>
    public string? Ollama { get; init; }

    /// <summary>The user's home folder, which contains Ollama's models unless <see cref="ModelsFolder"/> is set.</summary>
    public required string Home { get; init; }

    /// <summary>The installing user; under sudo, the user who ran it.</summary>
    public required string User { get; init; }

    /// <summary><c>OLLAMA_MODELS</c>; null when not set.</summary>
    public string? ModelsFolder { get; init; }

    /// <summary>Known folders of the system, by the name of their variable (ProgramFiles, ProgramData, APPDATA, TEMP); empty outside Windows.</summary>
    public IReadOnlyDictionary<string, string> Folders { get; init; } = new Dictionary<string, string>();

    /// <summary>The numeric id of the user; 0 on Windows.</summary>
    public uint UserId { get; init; }
}
