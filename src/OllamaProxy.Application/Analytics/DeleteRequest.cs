using MediatR;

namespace OllamaProxy.Application.Analytics;

/// <summary>Deletes one record permanently.</summary>
public sealed record DeleteRequest(RecordKey Key) : IRequest<DeleteResult>;

internal sealed class DeleteRequestHandler(IAnalyticsStore store) : IRequestHandler<DeleteRequest, DeleteResult>
{
    public async Task<DeleteResult> Handle(DeleteRequest command, CancellationToken cancellationToken)
    {
        var number = command.Key.Number ?? (await command.Key.FindAsync(store, cancellationToken))?.Id;
        return new(number is { } id && await store.DeleteAsync(id, cancellationToken) ? 1 : 0);
    }
}
