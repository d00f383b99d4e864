namespace OllamaProxy.Host.Commands;

/// <summary>The exit codes, as in docs/configuration.md.</summary>
internal static class ExitCodes
{
    /// <summary>Success, including a stop on request.</summary>
    public const int Success = 0;

    /// <summary>The command failed; standard error has the reason. For <c>status</c>: Ollama does not answer.</summary>
    public const int Failed = 1;

    /// <summary>The program could not start: settings, command line, port, store or Ollama; standard error has the reason and the fix.</summary>
    public const int CannotStart = 2;

    /// <summary><c>status</c>: no proxy runs. Init scripts use this number too.</summary>
    public const int NotRunning = 3;

    /// <summary>The terminal was closed during an export or import: 128 plus SIGHUP, as in shells.</summary>
    public const int HungUp = 129;

    /// <summary>A second Ctrl+C ended the proxy at once, or Ctrl+C ended an export or import: 128 plus SIGINT.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGTERM ended an export or import: 128 plus SIGTERM.</summary>
    public const int Terminated = 143;
}
