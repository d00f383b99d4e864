using MediatR;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Application.Analytics;

/// <summary>The models that were asked for, in alphabetical order, as Ollama spells them.</summary>
public sealed record ListModels : IRequest<ModelsResult>;

public sealed record ModelsResult(IReadOnlyList<string> Models);

internal sealed class ListModelsHandler(IAnalyticsStore store, ModelNames models) : IRequestHandler<ListModels, ModelsResult>
{
    public async Task<ModelsResult> Handle(ListModels query, CancellationToken cancellationToken) =>
        new([.. (await store.ModelsAsync(cancellationToken)).Select(model => models.DisplayOf(model))]);
}
