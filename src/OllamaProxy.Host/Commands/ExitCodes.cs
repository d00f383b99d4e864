namespace OllamaProxy.Host.Commands;

/// <summary>What the program tells its caller (docs/configuration.md lists the same).</summary>
internal static class ExitCodes
{
    /// <summary>It did what was asked, a stop on request included.</summary>
    public const int Success = 0;

    /// <summary>It could not do what was asked; standard error says why. For <c>status</c>: something is not as it should be.</summary>
    public const int Failed = 1;

    /// <summary>It could not start: settings, command line, port, store or Ollama; standard error says which and what to do.</summary>
    public const int CannotStart = 2;

    /// <summary><c>status</c>: no proxy runs. The number that init scripts have for it.</summary>
    public const int NotRunning = 3;

    /// <summary>The terminal was closed during an export or an import: 128 and SIGHUP's number, as shells have it.</summary>
    public const int HungUp = 129;

    /// <summary>A second Ctrl+C ended the proxy at once, or Ctrl+C an export or an import: 128 and SIGINT's number.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGTERM ended an export or an import: 128 and SIGTERM's number.</summary>
    public const int Terminated = 143;
}
