namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Why a connection failed, for a person.</summary>
public static class Failures
{
    /// <summary>Of a TLS failure the innermost reason, which names the certificate; .NET's outer message only points to it.</summary>
    public static string Reason(this Exception exception) => exception.IsTlsFailure() ? exception.GetBaseException().Message : exception.Message;

    public static bool IsTlsFailure(this Exception? exception) =>
        exception is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };
}
