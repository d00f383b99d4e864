using MediatR;

namespace OllamaProxy.Application.Recording;

/// <summary>Hands the record to the batch that the recording worker writes next, when it is one to be stored.</summary>
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
