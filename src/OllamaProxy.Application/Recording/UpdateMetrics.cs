using MediatR;
using OllamaProxy.Application.Telemetry;

namespace OllamaProxy.Application.Recording;

/// <summary>Counts the record. Runs before <see cref="StoreRecord"/>, so a broken store never costs a metric.</summary>
internal sealed class UpdateMetrics(ProxyMetrics metrics) : INotificationHandler<RequestRecorded>
{
    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        metrics.Record(notification.Record);
        metrics.Record(notification.Exchange);
        return Task.CompletedTask;
    }
}
