namespace OllamaProxy.Domain;

/// <summary>Why the proxy answered an inference itself and did not let Ollama finish it.</summary>
public enum RejectionReason
{
    /// <summary>All slots were taken and the queue had no place, or lost the place to a client that had none.</summary>
    QueueFull,

    /// <summary>It waited in the queue for as long as a request may.</summary>
    QueueTimeout,

    /// <summary>Its body stood still while it held a slot and others waited.</summary>
    BodyStalled,

    /// <summary>The proxy itself failed; its log has the exception.</summary>
    ProxyFault,
}
