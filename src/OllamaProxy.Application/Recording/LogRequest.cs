using MediatR;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.Application.Recording;

/// <summary>Logs one line per request. Infrastructure/Logging formats it as text or JSON.</summary>
internal sealed class LogRequest(ILogger<LogRequest> logger) : INotificationHandler<RequestRecorded>
{
    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        if (logger.IsEnabled(LogLevel.Information))
        {
            logger.Log(LogLevel.Information, new EventId(1, "Request"), new RequestLine(notification.Record), null, static (line, _) => line.ToString());
        }

        return Task.CompletedTask;
    }
}
