using MediatR;

namespace OllamaProxy.Application.Recording;

/// <summary>Adds the record to the next batch when the tracking rules keep it.</summary>
internal sealed class StoreRecord(RecordBatch batch, TrackingRules tracking) : INotificationHandler<RequestRecorded>
{
    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        if (tracking.Stores(notification.Record))
        {
            batch.Add(notification.Record);
        }

        return Task.CompletedTask;
    }
}
