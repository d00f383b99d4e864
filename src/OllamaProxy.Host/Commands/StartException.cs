namespace OllamaProxy.Host.Commands;

/// <summary>The program cannot start; the message says why and what to do, and is fit for a person.</summary>
internal sealed class StartException(string message) : Exception(message);
