namespace OllamaProxy.Domain;

/// <summary>
/// Where the time of an exchange went. Each part is what could be known of it, null otherwise: what happens inside Ollama is on the wire only in its own API,
/// whose clock it is measured by; the rest is measured by ours. Parts do not overlap, and need not add up to the whole.
/// </summary>
public sealed record ExchangePhases
{
    /// <summary>Waiting in the proxy's own line; zero when there was a place at once, null when the call needs none.</summary>
    public TimeSpan? Queue { get; init; }

    /// <summary>Connecting to Ollama; zero when a connection was open already.</summary>
    public TimeSpan? Connect { get; init; }

    /// <summary>
    /// Inside Ollama, before and between what it reports: waiting for one of the model's slots above all, also templating, tokenising and decoding images.
    /// <c>total_duration - load_duration - prompt_eval_duration - eval_duration</c>: that wait is in no field of its own.
    /// </summary>
    public TimeSpan? EngineWait { get; init; }

    /// <summary>Until the model was ready (<c>load_duration</c>); some milliseconds for one that is loaded.</summary>
    public TimeSpan? Load { get; init; }

    /// <summary>Reading the part of the prompt that was not cached (<c>prompt_eval_duration</c>).</summary>
    public TimeSpan? PromptEval { get; init; }

    /// <summary>Writing the answer: <c>eval_duration</c>, or, where a dialect has none, from the first piece of the stream to the last.</summary>
    public TimeSpan? Decode { get; init; }

    /// <summary>Waiting for the client to take what was there for it.</summary>
    public TimeSpan? ClientBackPressure { get; init; }

    /// <summary>The phases of an exchange.</summary>
    public static ExchangePhases Of(Exchange exchange)
    {
        var usage = exchange.Response.Usage;
        return new ExchangePhases
        {
            Queue = exchange.QueueTime,
            Connect = exchange.ConnectTime,
            EngineWait = EngineWaitOf(usage),
            Load = usage.LoadDuration,
            PromptEval = usage.PromptEvalDuration,
            Decode = usage.EvalDuration ?? exchange.Response.MeanGap * (exchange.Response.ContentPieces - 1),
            ClientBackPressure = exchange.BackPressure,
        };
    }

    /// <summary>Ollama leaves out a duration of zero, so a missing one beside the total and the decoding is zero.</summary>
    private static TimeSpan? EngineWaitOf(TokenUsage usage)
    {
        if (usage.TotalDuration is not { } total || usage.EvalDuration is not { } eval)
        {
            return null;
        }

        var rest = total - eval - usage.LoadDuration.GetValueOrDefault() - usage.PromptEvalDuration.GetValueOrDefault();
        return rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
    }
}

/// <summary>The values of the <c>phase</c> label.</summary>
public static class ExchangePhaseNames
{
    public const string Queue = "queue";
    public const string Connect = "connect";
    public const string ResponseWait = "response_wait";
    public const string EngineWait = "engine_wait";
    public const string Load = "load";
    public const string PromptEval = "prompt_eval";
    public const string Decode = "decode";
    public const string ClientBackPressure = "client_backpressure";

    public static IReadOnlyList<string> All { get; } = [Queue, Connect, ResponseWait, EngineWait, Load, PromptEval, Decode, ClientBackPressure];
}
