using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Workers;
using OllamaProxy.Infrastructure.Supervision;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Admission;

/// <summary>Holds requests while Ollama starts, so a crash causes a delay and not an error. While Ollama runs, it costs the read of a field.</summary>
internal sealed class StartWait(IOllamaProcessSupervisor ollama, OllamaOptions options, GraceEnd grace, RunningRequests running, TimeProvider time)
{
    public bool IsNeeded(ExchangeInProgress exchange) => ollama.State.IsComing() && AwaitsOllama(exchange);

    /// <summary>Waits. Returns null when the request may be sent; otherwise how it ended, with a reply unless the client disconnected.</summary>
    public async Task<RelayEnd?> PassAsync(HttpContext context, ExchangeInProgress exchange)
    {
        if (await HoldAsync(context, exchange, ollama.WaitAsync))
        {
            return null;
        }

        return
            context.RequestAborted.IsCancellationRequested ? RelayEnd.NoAnswer :
            grace.IsOver ? await ProxyReplies.StoppingAsync(context, exchange) :
            await ProxyReplies.UnreachableAsync(context, exchange, ollama.Backend, ollama.State);
    }

    /// <summary>
    /// Waits for the next Ollama after an attempt that could not connect, so no byte was sent. Returns true when the request may be sent once more. A request
    /// that failed later is never repeated, because Ollama may have begun to work on it.
    /// </summary>
    public async Task<bool> MayRepeatAsync(HttpContext context, ExchangeInProgress exchange, int? processId)
    {
        if (context.Response.HasStarted || !AwaitsOllama(exchange) || !IsUnsent(context) || ProxyReplies.LacksDescriptors(context))
        {
            return false;
        }

        // An external Ollama may never come back, so the request is not held for it; the supervisor only checks it.
        var mayRepeat = ollama.State == OllamaState.External
            ? await ollama.WaitForSuccessorAsync(processId, options.StartWait, context.RequestAborted)
            : await HoldAsync(context, exchange, (limit, cancellationToken) => ollama.WaitForSuccessorAsync(processId, limit, cancellationToken));
        if (mayRepeat)
        {
            context.Response.Clear();
            context.Features.Set<IForwarderErrorFeature>(null);
        }

        return mayRepeat;
    }

    /// <summary>True when the last attempt failed before there was a connection.</summary>
    public static bool IsUnsent(HttpContext context) =>
        context.GetForwarderErrorFeature()?.Exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };

    /// <summary>Inferences wait, and the two requests by which clients check that Ollama runs.</summary>
    private bool AwaitsOllama(ExchangeInProgress exchange) =>
        options.StartWait > TimeSpan.Zero
        && (exchange.NeedsSlot
            || (HttpMethods.IsHead(exchange.Method) && exchange.Endpoint == ApiEndpoint.Root)
            || (HttpMethods.IsGet(exchange.Method) && exchange.Endpoint == ApiEndpoint.Version));

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
            exchange.Timings.RecordStartWait(time.GetElapsedTime(begun));
            running.Enter(exchange, RequestPhase.Waiting);
        }
    }
}
