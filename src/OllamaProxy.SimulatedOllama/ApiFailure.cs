namespace OllamaProxy.SimulatedOllama;

/// <summary>An answer that is an error, in words of the real Ollama; each dialect gives it its own shape.</summary>
internal sealed class ApiFailure(int status, string message, bool duringRun = false) : Exception(message)
{
    public int Status { get; } = status;

    /// <summary>True when it came from the runner: then the native dialect sends it without charset and chunked.</summary>
    public bool DuringRun { get; } = duringRun;

    public static ApiFailure NotFound(string model) => new(404, $"model '{model}' not found");

    public static ApiFailure Busy() => new(503, "server busy, please try again.  maximum pending requests exceeded");
}

/// <summary>The runner died in the middle of its work.</summary>
internal sealed class RunnerDied() : Exception("an error was encountered while running the model: unexpected EOF");
