using FluentValidation;
using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>A page of the records that match.</summary>
public sealed record SearchRequests(RequestQuery Query) : IRequest<SearchResult>
{
    public const int DefaultLimit = 100;

    public const int MaxLimit = 1_000;
}

/// <summary>What was found, in the order that was asked for.</summary>
public sealed record SearchResult(RequestPage Page);

/// <summary>Names are the query parameters', so that a message says which one to change.</summary>
public sealed class SearchRequestsValidator : AbstractValidator<SearchRequests>
{
    public SearchRequestsValidator()
    {
        RuleFor(search => search.Query.Limit).InclusiveBetween(1, SearchRequests.MaxLimit).OverridePropertyName("limit")
            .WithMessage($"must be a whole number from 1 to {SearchRequests.MaxLimit}.");
        RuleFor(search => search.Query.Filter).SetValidator(new FilterRules()).OverridePropertyName("");
    }
}

internal sealed class SearchRequestsHandler(IAnalyticsStore store) : IRequestHandler<SearchRequests, SearchResult>
{
    public async Task<SearchResult> Handle(SearchRequests query, CancellationToken cancellationToken) =>
        new(await store.SearchAsync(query.Query, cancellationToken));
}
