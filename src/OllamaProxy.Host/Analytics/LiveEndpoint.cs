using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// <c>/analytics/live</c>: server-sent events. <c>request</c> when a request starts or progresses, <c>record</c> when one was recorded, <c>missed</c> when the
/// subscriber was too slow for some; comments keep the connection alive.
/// </summary>
internal static class LiveEndpoint
{
    public static Task<IResult> AnswerAsync(HttpContext context, QueryRequest request)
    {
        if (HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.ContentType = "text/event-stream";
            return Task.FromResult<IResult>(TypedResults.Empty);
        }

        var feed = context.RequestServices.GetRequiredService<LiveFeed>();
        return Task.FromResult(feed.Subscribe() is { } subscriber
            ? new LiveAnswer(feed, subscriber)
            : Answers.Problem(StatusCodes.Status503ServiceUnavailable, "Too many live connections", $"{LiveFeed.MaxSubscribers} are open; close one."));
    }

    /// <summary>Writes one event.</summary>
    public static void Write<T>(IBufferWriter<byte> text, string name, T value, JsonTypeInfo<T> type)
    {
        Encoding.UTF8.GetBytes($"event: {name}\ndata: ", text);
        text.Write(JsonSerializer.SerializeToUtf8Bytes(value, type));
        text.Write("\n\n"u8);
    }

    private sealed class LiveAnswer(LiveFeed feed, LiveSubscriber subscriber) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            // A stop does not wait for subscribers.
            var stopping = httpContext.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(httpContext.RequestAborted, stopping);
            try
            {
                httpContext.Response.ContentType = "text/event-stream";
                // nginx would buffer events.
                httpContext.Response.Headers["X-Accel-Buffering"] = "no";
                await WriteAsync(httpContext.Response.BodyWriter, end.Token);
            }
            catch (OperationCanceledException)
            {
                // The client disconnected, or the proxy stops.
            }
            finally
            {
                feed.Unsubscribe(subscriber);
            }
        }

        private async Task WriteAsync(PipeWriter body, CancellationToken cancellationToken)
        {
            // Browsers reconnect after this many milliseconds.
            Encoding.UTF8.GetBytes("retry: 2000\n\n", body);
            await body.FlushAsync(cancellationToken);
            while (await subscriber.WaitAsync(cancellationToken))
            {
                while (subscriber.Take() is { } next)
                {
                    if (subscriber.TakeMissed() is > 0 and var missed)
                    {
                        Write(body, "missed", new MissedJson(missed), AnalyticsJson.Relaxed.MissedJson);
                    }

                    body.Write(next.Text);
                    // Only this call waits for a slow reader.
                    if (body.UnflushedBytes > 16 * 1024)
                    {
                        await body.FlushAsync(cancellationToken);
                    }
                }

                await body.FlushAsync(cancellationToken);
            }
        }

    }
}
