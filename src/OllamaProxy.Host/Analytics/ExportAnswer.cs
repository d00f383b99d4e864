using System.Text;
using System.Text.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>A file, written as the records are read; what fails midway cuts the connection, so that nobody takes a part for the whole.</summary>
internal sealed class ExportAnswer(IAsyncEnumerable<RequestRecord> records, string format) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var isCsv = format == "csv";
        var response = httpContext.Response;
        try
        {
            // The first record is read before the first byte goes out: a store that cannot be read at all is a plain error.
            await using var source = records.GetAsyncEnumerator(httpContext.RequestAborted);
            var more = await source.MoveNextAsync();
            response.ContentType = isCsv ? "text/csv; charset=utf-8" : "application/json; charset=utf-8";
            response.Headers.ContentDisposition = $"attachment; filename=analytics_export.{format}";
            await response.WriteAsync(isCsv ? RecordCsv.Header : "[");
            for (var first = true; more; more = await source.MoveNextAsync(), first = false)
            {
                var record = RecordJson.Of(source.Current);
                await response.WriteAsync(isCsv ? RecordCsv.Line(record) : (first ? "\n" : ",\n") + JsonSerializer.Serialize(record, AnalyticsJson.Relaxed.RecordJson), Encoding.UTF8);
            }

            await response.WriteAsync(isCsv ? "" : "\n]\n");
        }
        catch (Exception) when (response.HasStarted)
        {
            httpContext.Abort();
        }
    }
}
