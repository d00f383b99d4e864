namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Readable reasons for failed connections.</summary>
public static class Failures
{
    /// <summary>For a TLS failure, the innermost message: it names the certificate's problem, and the outer message only refers to it.</summary>
    public static string Reason(this Exception exception) => exception.IsTlsFailure() ? exception.GetBaseException().Message : exception.Message;

    public static bool IsTlsFailure(this Exception? exception) =>
        exception is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };
}
