using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>A file, written as the records are read. A failure midway cuts the connection, so that a partial file cannot look complete.</summary>
/// <param name="Records">The records of the file.</param>
/// <param name="Format"><c>json</c>, <c>csv</c> or <c>jsonl</c>.</param>
/// <param name="Name">The name of the file, without its extension.</param>
/// <param name="IsOne">A single record; in JSON it stands alone, not in an array.</param>
/// <param name="HasByteOrderMark">Whether a CSV begins with one; JSON never does.</param>
internal sealed record ExportAnswer(IAsyncEnumerable<RequestRecord> Records, string Format, string Name, bool IsOne, bool HasByteOrderMark) : IResult
{
    /// <summary>Bytes per write: more would cost memory, fewer would cost calls.</summary>
    private const int FlushAt = 32 * 1024;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        var began = false;
        var abort = httpContext.RequestAborted;
        try
        {
            // The first record is read before the first byte is sent, so that an unreadable store gets an error status.
            await using var source = Records.GetAsyncEnumerator(abort);
            var more = await source.MoveNextAsync();
            response.ContentType = Format switch
            {
                "csv" => "text/csv; charset=utf-8",
                "jsonl" => "application/x-ndjson; charset=utf-8",
                _ => "application/json; charset=utf-8",
            };
            response.Headers.ContentDisposition = $"attachment; filename={Name}.{Format}";
            if (HttpMethods.IsHead(httpContext.Request.Method))
            {
                return;
            }

            var body = response.BodyWriter;
            var models = httpContext.RequestServices.GetRequiredService<ModelNames>();
            var csv = new RecordCsv(models);
            using var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = AnalyticsJson.Relaxed.Options.Encoder, SkipValidation = true });
            began = true;
            Begin(body);
            for (var first = true; more; more = await source.MoveNextAsync(), first = false)
            {
                Write(body, json, csv, new RecordJson(source.Current, models), first);
                if (body.UnflushedBytes >= FlushAt)
                {
                    await body.FlushAsync(abort);
                }
            }

            End(body);
            await body.FlushAsync(abort);
        }
        catch (Exception) when (began)
        {
            httpContext.Abort();
        }
    }

    private void Begin(PipeWriter body)
    {
        if (Format == "csv")
        {
            Encoding.UTF8.GetBytes(HasByteOrderMark ? $"\ufeff{RecordCsv.Header}" : RecordCsv.Header, body);
        }
        else if (Format == "json" && !IsOne)
        {
            Encoding.UTF8.GetBytes("[", body);
        }
    }

    private void Write(PipeWriter body, Utf8JsonWriter json, RecordCsv csv, RecordJson record, bool isFirst)
    {
        if (Format == "csv")
        {
            Encoding.UTF8.GetBytes(csv.Line(record.Record), body);
            return;
        }

        if (Format == "json" && !IsOne)
        {
            Encoding.UTF8.GetBytes(isFirst ? "\n" : ",\n", body);
        }

        json.Reset(body);
        JsonSerializer.Serialize(json, record, AnalyticsJson.Relaxed.RecordJson);
        json.Flush();
        if (Format == "jsonl")
        {
            Encoding.UTF8.GetBytes("\n", body);
        }
    }

    private void End(PipeWriter body)
    {
        if (Format == "json")
        {
            Encoding.UTF8.GetBytes(IsOne ? "\n" : "\n]\n", body);
        }
    }
}
