using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Host.Analytics;

/// <summary><c>/analytics/export</c>: many records, or with <c>message_id</c> one, as a file.</summary>
internal static class ExportEndpoint
{
    private static readonly ExportRequestsValidator s_export = new();

    public static async Task<IResult> AnswerAsync(HttpContext context, QueryRequest request)
    {
        var export = new ExportRequests(request.Filter, request.Format, request.Limit);
        if (request.Check(export, s_export) is { } refusal)
        {
            return refusal;
        }

        var mediator = AnalyticsEndpoints.Mediator(context);
        if (request.MessageId is { } key)
        {
            return (await mediator.Send(new FindRequest(key), context.RequestAborted)).Record is { } record
                ? new ExportAnswer(((IEnumerable<Domain.RequestRecord>)[record]).ToAsyncEnumerable(), export.Format, $"message_{key}", IsOne: true,
                    request.HasByteOrderMark)
                : AnalyticsEndpoints.NoRecord(key);
        }

        var found = await mediator.Send(export, context.RequestAborted);
        return new ExportAnswer(found.Records, export.Format, "analytics_export", IsOne: false, request.HasByteOrderMark);
    }
}
