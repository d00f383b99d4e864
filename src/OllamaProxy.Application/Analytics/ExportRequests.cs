using FluentValidation;
using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>Every record that matches, one after the other.</summary>
/// <param name="Filter">Which.</param>
/// <param name="Format"><c>json</c>, <c>csv</c> or <c>jsonl</c>.</param>
/// <param name="Limit">Not more than so many, the newest; null for all.</param>
public sealed record ExportRequests(RequestFilter Filter, string Format, int? Limit = null) : IRequest<ExportResult>
{
    public static IReadOnlyList<string> Formats { get; } = ["json", "csv", "jsonl"];
}

/// <summary>The records as they are read, newest first: never all in memory.</summary>
public sealed record ExportResult(IAsyncEnumerable<RequestRecord> Records);

/// <summary>Names are the query parameters', so that a message says which one to change.</summary>
public sealed class ExportRequestsValidator : AbstractValidator<ExportRequests>
{
    public ExportRequestsValidator()
    {
        RuleFor(export => export.Format).Must(ExportRequests.Formats.Contains).OverridePropertyName("format")
            .WithMessage($"must be one of {string.Join(", ", ExportRequests.Formats)}.");
        RuleFor(export => export.Limit).Must(limit => limit is null or > 0).OverridePropertyName("limit").WithMessage("must be a whole number from 1.");
        RuleFor(export => export.Filter).SetValidator(new FilterRules()).OverridePropertyName("");
    }
}

internal sealed class ExportRequestsHandler(IAnalyticsStore store) : IRequestHandler<ExportRequests, ExportResult>
{
    public Task<ExportResult> Handle(ExportRequests query, CancellationToken cancellationToken)
    {
        var records = store.ReadAsync(query.Filter, cancellationToken);
        return Task.FromResult(new ExportResult(query.Limit is { } limit ? records.Take(limit) : records));
    }
}
