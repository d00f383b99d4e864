namespace OllamaProxy.SimulatedOllama;

/// <summary>An error response with the real Ollama's text; each dialect shapes it.</summary>
internal sealed class ApiFailure(int status, string message, bool duringRun = false) : Exception(message)
{
    public int Status { get; } = status;

    /// <summary>True when it comes from the runner: the native dialect then sends it chunked and without a charset.</summary>
    public bool DuringRun { get; } = duringRun;

    public static ApiFailure NotFound(string model) => new(404, $"model '{model}' not found");

    public static ApiFailure Busy() => new(503, "server busy, please try again.  maximum pending requests exceeded");
}

/// <summary>The runner died while generating.</summary>
internal sealed class RunnerDied() : Exception("an error was encountered while running the model: unexpected EOF");
