using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Workers;
using OllamaProxy.Infrastructure.Supervision;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Holds requests while Ollama starts: a crash then costs the client a second, and not an error. Where Ollama is there, which is nearly always, it costs one
/// look at a field.
/// </summary>
internal sealed class StartWait(IOllamaProcessSupervisor ollama, OllamaOptions options, GraceEnd grace, RunningRequests running, TimeProvider time)
{
    /// <summary>Whether this request has to wait.</summary>
    public bool IsNeeded(ExchangeInProgress exchange) => ollama.State.IsComing() && exchange.AwaitsOllama && options.StartWait > TimeSpan.Zero;

    /// <summary>Waits. False when the request is not to be sent; it has its answer then, unless its client left.</summary>
    public async Task<bool> PassAsync(HttpContext context, ExchangeInProgress exchange)
    {
        if (await HoldAsync(context, exchange, ollama.WaitAsync))
        {
            return true;
        }

        if (!context.RequestAborted.IsCancellationRequested)
        {
            await (grace.IsOver ? OwnAnswers.StoppingAsync(context, exchange) : OwnAnswers.UnreachableAsync(context, exchange, ollama.Backend, ollama.State));
        }

        return false;
    }

    /// <summary>
    /// After an attempt that could not even connect, so that not one byte of the request was sent: waits for the next Ollama. True when the request may be
    /// sent once more. Whatever failed later is never repeated: Ollama may have begun to work on it.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="exchange">What is known of it.</param>
    /// <param name="processId">The Ollama it was meant for.</param>
    public async Task<bool> MayRepeatAsync(HttpContext context, ExchangeInProgress exchange, int? processId)
    {
        if (context.Response.HasStarted || options.StartWait == TimeSpan.Zero || !exchange.AwaitsOllama || !IsUnsent(context) || OwnAnswers.LacksDescriptors(context))
        {
            return false;
        }

        if (ollama.State == OllamaState.External)
        {
            // Somebody else's: nobody knows whether it comes back, but it is worth a look.
            return await ollama.WaitForSuccessorAsync(processId, options.StartWait, context.RequestAborted);
        }

        var mayRepeat = await HoldAsync(context, exchange, (limit, cancellationToken) => ollama.WaitForSuccessorAsync(processId, limit, cancellationToken));
        if (mayRepeat)
        {
            context.Response.Clear();
            context.Features.Set<IForwarderErrorFeature>(null);
        }

        return mayRepeat;
    }

    /// <summary>Whether the last attempt failed before there was a connection.</summary>
    public static bool IsUnsent(HttpContext context) =>
        context.GetForwarderErrorFeature()?.Exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };

    private async Task<bool> HoldAsync(HttpContext context, ExchangeInProgress exchange, Func<TimeSpan, CancellationToken, Task<bool>> wait)
    {
        running.Enter(exchange, RequestPhase.Queued);
        var begun = time.GetTimestamp();
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, grace.Token);
        try
        {
            return await wait(options.StartWait, giveUp.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            exchange.Awaited(time.GetElapsedTime(begun));
            running.Enter(exchange, RequestPhase.Waiting);
        }
    }
}
