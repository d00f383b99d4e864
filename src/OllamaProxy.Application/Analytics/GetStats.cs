using FluentValidation;
using MediatR;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>What the store holds, what still waits for it, and the numbers of the matching records.</summary>
public sealed record GetStats(StatsQuery Query) : IRequest<StatsResult>
{
    public const int DefaultTop = 10;

    public const int MaxTop = 100;

    /// <summary>A chart has no more points than that, and a mistyped step must not fill the memory.</summary>
    public const int MaxSteps = 20_000;
}

/// <param name="Store">The store's own numbers.</param>
/// <param name="QueueSize">Exchanges not recorded yet.</param>
/// <param name="Stats">The numbers of the matching records.</param>
/// <param name="From">Where the range begins: as asked for, or the oldest record; null when there is neither.</param>
/// <param name="To">Where it ends: as asked for, but not in the future.</param>
/// <param name="Query">What was asked, but that the step is longer where a range without a beginning would have too many.</param>
public sealed record StatsResult(StoreInfo Store, int QueueSize, RequestStats Stats, DateTimeOffset? From, DateTimeOffset To, StatsQuery Query)
{
    /// <summary>The step of the time series; null without one.</summary>
    public TimeSpan? Step => Query.SeriesStep;

    /// <summary>The length of the range in minutes; 0 when it has none.</summary>
    public double Minutes => From is { } from && To > from ? (To - from).TotalMinutes : 0;
}

/// <summary>Names are the query parameters', so that a message says which one to change.</summary>
public sealed class GetStatsValidator : AbstractValidator<GetStats>
{
    public GetStatsValidator()
    {
        RuleFor(stats => stats.Query.Top).InclusiveBetween(1, GetStats.MaxTop).OverridePropertyName("top")
            .WithMessage($"must be a whole number from 1 to {GetStats.MaxTop}.");
        RuleFor(stats => stats.Query.SeriesStep).Must(step => step is null || IsWholeStep(step.Value)).OverridePropertyName("step")
            .WithMessage("must be minutes that divide an hour (1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m), or whole hours or days (1h, 6h, 1d), or "
                + "such a length in seconds.");
        RuleFor(stats => stats.Query).Must(IsBounded).OverridePropertyName("step")
            .WithMessage($"is too short for the range: more than {GetStats.MaxSteps} steps. Make the step longer, or the range shorter.");
        RuleFor(stats => stats.Query).Must(query => query.SplitBy is null || query.SeriesStep is not null).OverridePropertyName("split")
            .WithMessage("requires step.");
        RuleFor(stats => stats.Query.Filter).SetValidator(new FilterRules()).OverridePropertyName("");
    }

    private static bool IsWholeStep(TimeSpan step) =>
        step >= TimeSpan.FromMinutes(1)
            && (step.Ticks % TimeSpan.TicksPerHour == 0 || (TimeSpan.TicksPerHour % step.Ticks == 0 && step.Ticks % TimeSpan.TicksPerMinute == 0));

    private static bool IsBounded(StatsQuery query) =>
        query is not { SeriesStep: { } step, Filter: { From: { } from, To: { } to } } || step <= TimeSpan.Zero || (to - from) / step <= GetStats.MaxSteps;
}

internal sealed class GetStatsHandler(IAnalyticsStore store, ExchangeQueue queue, ModelNames models, TimeProvider time) : IRequestHandler<GetStats, StatsResult>
{
    public async Task<StatsResult> Handle(GetStats query, CancellationToken cancellationToken)
    {
        var (filter, now) = (query.Query.Filter, time.GetUtcNow());
        var own = await store.DescribeAsync(cancellationToken);
        var from = filter.From ?? own.Oldest;
        var to = filter.To < now ? filter.To.Value : now;
        var bounded = Bounded(query.Query, from, to);
        var stats = Named(await store.SummarizeAsync(bounded, cancellationToken), bounded);
        return new StatsResult(own, queue.Reader.Count, stats, from, to, bounded);
    }

    /// <summary>Stores know models by their canonical names; people read them as Ollama spells them.</summary>
    private RequestStats Named(RequestStats stats, StatsQuery query) => stats with
    {
        Groups = stats.Groups.ToDictionary(
            groups => groups.Key,
            groups => groups.Key == StatDimension.Model ? [.. groups.Value.Select(group => group with { Key = models.DisplayOf(group.Key) })] : groups.Value),
        Series = query.SplitBy == StatDimension.Model
            ? [.. stats.Series.Select(step => step with { Parts = [.. step.Parts.Select(part => part with { Key = models.DisplayOf(part.Key) })] })]
            : stats.Series,
    };

    /// <summary>A range without a start is as long as the records; its series must stay short enough for a chart.</summary>
    private static StatsQuery Bounded(StatsQuery query, DateTimeOffset? from, DateTimeOffset to) =>
        query.SeriesStep is { } step && from is { } start && (to - start) / step > GetStats.MaxSteps
            ? query with { SeriesStep = TimeSpan.FromDays(Math.Ceiling((to - start) / GetStats.MaxSteps / TimeSpan.FromDays(1))) }
            : query;
}
