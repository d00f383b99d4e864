using Microsoft.AspNetCore.Http.Features;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Waits for the body of an inference before a slot is asked for: a slot is what Ollama works on, and requests that never send their body would hold all of
/// them. The bytes stay unconsumed in Kestrel's own pipe, so nothing is copied; the request reader looks at them here, so a queued request knows its model.
/// </summary>
internal static class BodyArrival
{
    /// <summary>So much of a body is enough to go on. Kestrel holds it, and what it reads ahead, while the request waits.</summary>
    public const int Enough = 1024 * 1024;

    /// <summary>
    /// Returns true when the body is complete, and false when <see cref="Enough"/> of it is here. Reading makes Kestrel tell a client to continue that waits
    /// for it (<c>Expect: 100-continue</c>). Throws when the client disconnects, or when its chunks are malformed.
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
                var began = reading.IsCompleted ? 0 : exchange.Clock.GetTimestamp();
                var result = await reading;
                if (began != 0)
                {
                    exchange.AwaitedBody(began);
                }

                var arrived = result.Buffer.Slice(exchange.BytesAhead);
                if (exchange.DecodesRequest || fairness.IsTurnOver((int)arrived.Length))
                {
                    await Task.Yield();
                }

                foreach (var bytes in arrived)
                {
                    exchange.ObserveRequest(bytes.Span);
                }

                exchange.BytesAhead = result.Buffer.Length;
                body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                if (result.IsCompleted)
                {
                    exchange.ReleaseDecoder();
                    return true;
                }

                if (exchange.BytesAhead >= Enough)
                {
                    return false;
                }
            }
        }
        catch (Exception exception)
        {
            exchange.RequestFailed(exception);
            throw;
        }
    }
}
