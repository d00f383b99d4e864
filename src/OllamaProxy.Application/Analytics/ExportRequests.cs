using FluentValidation;
using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>Every record that matches, one after the other.</summary>
/// <param name="Filter">Which; without a limit all of them.</param>
/// <param name="Format"><c>json</c> or <c>csv</c>.</param>
public sealed record ExportRequests(RequestFilter Filter, string Format) : IRequest<ExportResult>;

/// <summary>The records as they are read, newest first: never all in memory.</summary>
public sealed record ExportResult(IAsyncEnumerable<RequestRecord> Records);

/// <summary>Names are the query parameters', so that a message says which one to change.</summary>
public sealed class ExportRequestsValidator : AbstractValidator<ExportRequests>
{
    public ExportRequestsValidator()
    {
        RuleFor(export => export.Format).Must(format => format is "json" or "csv").OverridePropertyName("format").WithMessage("must be json or csv.");
        RuleFor(export => export.Filter).Must(filter => !(filter.From > filter.To)).OverridePropertyName("start_time").WithMessage("must not be after end_time.");
    }
}

internal sealed class ExportRequestsHandler(IAnalyticsStore store) : IRequestHandler<ExportRequests, ExportResult>
{
    public Task<ExportResult> Handle(ExportRequests query, CancellationToken cancellationToken) =>
        Task.FromResult(new ExportResult(store.ReadAsync(query.Filter, cancellationToken)));
}
