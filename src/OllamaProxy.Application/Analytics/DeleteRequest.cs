using MediatR;

namespace OllamaProxy.Application.Analytics;

/// <summary>Deletes one record permanently.</summary>
public sealed record DeleteRequest(long Id) : IRequest<DeleteResult>;

internal sealed class DeleteRequestHandler(IAnalyticsStore store) : IRequestHandler<DeleteRequest, DeleteResult>
{
    public async Task<DeleteResult> Handle(DeleteRequest command, CancellationToken cancellationToken) => new(await store.DeleteAsync(command.Id, cancellationToken) ? 1 : 0);
}
