namespace OllamaProxy.Host.Commands;

/// <summary>The program cannot start; the message has the reason and the fix, for people.</summary>
internal sealed class StartException(string message) : Exception(message);
