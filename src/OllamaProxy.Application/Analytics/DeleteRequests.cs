using FluentValidation;
using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>Removes every matching record for good.</summary>
/// <param name="Filter">Which.</param>
/// <param name="All">Says that every record is really meant, which a filter that was lost on its way here does not.</param>
public sealed record DeleteRequests(RequestFilter Filter, bool All) : IRequest<DeleteResult>;

/// <param name="Deleted">Records that went.</param>
public sealed record DeleteResult(long Deleted);

/// <summary>Names are the query parameters', so that a message says which one to change.</summary>
public sealed class DeleteRequestsValidator : AbstractValidator<DeleteRequests>
{
    public DeleteRequestsValidator()
    {
        RuleFor(delete => delete).Must(delete => delete.All || delete.Filter != RequestFilter.Everything).OverridePropertyName("all")
            .WithMessage("is required to delete every record. To delete some, filter by model, client, time or another field.");
        RuleFor(delete => delete).Must(delete => !delete.All || delete.Filter == RequestFilter.Everything).OverridePropertyName("all")
            .WithMessage("means every record: it cannot be combined with a filter.");
        RuleFor(delete => delete.Filter).SetValidator(new FilterRules()).OverridePropertyName("");
    }
}

internal sealed class DeleteRequestsHandler(IAnalyticsStore store) : IRequestHandler<DeleteRequests, DeleteResult>
{
    public async Task<DeleteResult> Handle(DeleteRequests command, CancellationToken cancellationToken) =>
        new(await store.DeleteAsync(command.Filter, cancellationToken));
}
