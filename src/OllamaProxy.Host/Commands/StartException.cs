namespace OllamaProxy.Host.Commands;

/// <summary>The program cannot start; the message has the reason and the fix, readable by a person.</summary>
internal sealed class StartException(string message) : Exception(message);
