using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Threading;

namespace OllamaProxy.Host.Admission;

/// <summary>
/// Waits for the body of an inference before the request asks for a slot, because requests that never send their body would hold all slots. The bytes stay
/// unconsumed in Kestrel's own pipe, so nothing is copied. The request's reader observes them here, so a queued request knows its model.
/// </summary>
internal static class BodyArrival
{
    /// <summary>With so much of its body a request goes on. Kestrel holds these bytes while the request waits.</summary>
    public const int Enough = 1024 * 1024;

    /// <summary>
    /// Returns true when the body is complete, and false when <see cref="Enough"/> of it has arrived. The first read makes Kestrel send <c>100 Continue</c> to
    /// a client that expects it. Throws when the client disconnects, or when its chunks are malformed.
    /// </summary>
    public static ValueTask<bool> WaitAsync(HttpContext context, ExchangeInProgress exchange) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } ? ValueTask.FromResult(true) : ReadAsync(context, exchange);

    private static async ValueTask<bool> ReadAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var fairness = default(Fairness);
        var body = context.Request.BodyReader;
        try
        {
            while (true)
            {
                var reading = body.ReadAsync(context.RequestAborted);
                var began = reading.IsCompleted ? 0 : exchange.Timings.Clock.GetTimestamp();
                var result = await reading;
                if (began != 0)
                {
                    exchange.Timings.RecordBodyWait(began);
                }

                var arrived = result.Buffer.Slice(exchange.Observation.BytesAhead);
                if (exchange.Observation.DecodesRequest || fairness.IsTurnOver((int)arrived.Length))
                {
                    await Task.Yield();
                }

                exchange.Observation.ObserveRequest(arrived);
                exchange.Observation.BytesAhead = result.Buffer.Length;
                body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                if (result.IsCompleted)
                {
                    exchange.Observation.ReleaseDecoder();
                    return true;
                }

                if (exchange.Observation.BytesAhead >= Enough)
                {
                    return false;
                }
            }
        }
        catch (Exception exception)
        {
            exchange.FailRequest(exception);
            throw;
        }
    }
}
