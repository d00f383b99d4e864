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
    /// Whether Ollama's own way of starting may be changed so that the proxy gets its port; null when the user was not asked. At an uninstall: whether it was
    /// changed.
    /// </summary>
    public bool? TakeOver { get; init; }

    /// <summary>The account the service runs as; null for the usual one.</summary>
    public string? Account { get; init; }

    /// <summary>At an uninstall: also removes records, settings and logs.</summary>
    public bool RemovesData { get; init; }

    /// <summary>Whether Ollama starts by itself on this machine: its systemd unit, the shortcut in the Startup folder.</summary>
    public bool OllamaStartsItself { get; init; }

    /// <summary>The ollama executable; null when none was found.</summary>
    public string? Ollama { get; init; }

    /// <summary>The user's home folder, which has Ollama's models unless <see cref="ModelsFolder"/> is set.</summary>
    public required string Home { get; init; }

    /// <summary>The installing user; under sudo, the user who typed it.</summary>
    public required string User { get; init; }

    /// <summary><c>OLLAMA_MODELS</c>, when it is set.</summary>
    public string? ModelsFolder { get; init; }

    /// <summary>Known folders of the system, by the name of their variable (ProgramFiles, ProgramData, APPDATA, TEMP); empty outside Windows.</summary>
    public IReadOnlyDictionary<string, string> Folders { get; init; } = new Dictionary<string, string>();

    /// <summary>The numeric id of the user; 0 where there is none.</summary>
    public uint UserId { get; init; }
}
