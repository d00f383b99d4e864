using MediatR;

namespace OllamaProxy.Application.Analytics;

/// <summary>The models that were asked for, in alphabetical order.</summary>
public sealed record ListModels : IRequest<ModelsResult>;

public sealed record ModelsResult(IReadOnlyList<string> Models);

internal sealed class ListModelsHandler(IAnalyticsStore store) : IRequestHandler<ListModels, ModelsResult>
{
    public async Task<ModelsResult> Handle(ListModels query, CancellationToken cancellationToken) => new(await store.ModelsAsync(cancellationToken));
}
