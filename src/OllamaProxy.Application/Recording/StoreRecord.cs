using MediatR;

namespace OllamaProxy.Application.Recording;

/// <summary>Hands the record to the batch that the recording worker writes next.</summary>
internal sealed class StoreRecord(RecordBatch batch) : INotificationHandler<RequestRecorded>
{
    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        batch.Add(notification.Record);
        return Task.CompletedTask;
    }
}
