using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>
/// Detects prompts that Ollama truncated silently, from the bytes of the request's text, the prompt tokens, and the context length. The bytes per token of a
/// model are learned from prompts that certainly fit. Used by the recording worker only.
/// </summary>
public sealed class TruncationDetector(Func<string, int?> contextLengthOf)
{
    /// <summary>Models whose ratio is learned; further models use the default.</summary>
    public const int MaxModels = 1_000;

    /// <summary>Bytes per token of an unknown model: low, so that only a text far too long indicates truncation.</summary>
    private const double DefaultRatio = 3;

    /// <summary>From this excess of text on, a token count that matches Ollama's truncation is certain evidence.</summary>
    private const double CertainExcess = 1.6;

    /// <summary>From this excess on, it is likely evidence.</summary>
    private const double LikelyExcess = 1.2;

    /// <summary>How far the text must exceed the context when the token count proves nothing.</summary>
    private const double Overflow = 1.3;

    /// <summary>Shorter prompts are mostly template, so their ratio is misleading.</summary>
    private const int MinLearnedTokens = 150;

    private const int MinSamples = 5;

    /// <summary>Common context lengths, tried when the actual one is unknown.</summary>
    private static readonly int[] s_usualContexts = [2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144];

    private readonly Dictionary<string, Ratio> _ratios = new(StringComparer.Ordinal);

    internal int KnownModels => _ratios.Count;

    /// <summary>Judges an exchange and learns from it; null when nothing indicates truncation, or too little is known.</summary>
    public Truncation? Judge(Exchange exchange)
    {
        var (request, usage) = (exchange.Request, exchange.Response.Usage);
        if (!IsGeneration(exchange.Endpoint) || usage.PromptTokens is not { } tokens || request.TextLength is not { } bytes)
        {
            return null;
        }

        var model = ModelName.Normalize(request.Model ?? exchange.Response.Model);
        // Only Ollama's own API lets a client choose the context length, which may exceed the model's.
        int? asked = exchange.Endpoint.Dialect == ApiDialect.Native ? request.ContextLength : null;
        var loaded = model is null ? null : contextLengthOf(model);
        var verdict = Judge(tokens, bytes, request.KeptTokens, asked, loaded, RatioOf(model));
        if (verdict is null && tokens >= MinLearnedTokens && (asked ?? loaded) is { } context && tokens < context * 0.45)
        {
            Learn(model, (double)bytes / tokens);
        }

        return verdict;
    }

    private static Truncation? Judge(int tokens, long bytes, int? kept, int? asked, int? loaded, Ratio? learned)
    {
        var ratio = learned?.Value ?? DefaultRatio;
        var excess = bytes / (tokens * ratio);
        if (Matches(asked) || Matches(loaded))
        {
            return excess >= CertainExcess ? Truncation.Certain : excess >= LikelyExcess ? Truncation.Likely : null;
        }

        var context = asked ?? loaded;
        if (context is null)
        {
            return excess >= CertainExcess && s_usualContexts.Any(usual => Matches(usual)) ? Truncation.Likely : null;
        }

        // A chat loses its oldest messages first, so no token count is characteristic: only a text that cannot have fit is evidence.
        return learned is { Samples: >= MinSamples } && tokens <= context && tokens >= context * 0.4 && bytes / ratio > context * Overflow
            ? Truncation.Likely
            : null;

        bool Matches(int? contextLength) => contextLength is > 0 and { } length && Truncations.IsFingerprint(tokens, length, kept);
    }

    private static bool IsGeneration(ApiEndpoint endpoint) =>
        endpoint.IsInference && endpoint != ApiEndpoint.Embed && endpoint != ApiEndpoint.Embeddings && endpoint != ApiEndpoint.OpenAiEmbeddings;

    private Ratio? RatioOf(string? model) => model is not null && _ratios.TryGetValue(model, out var ratio) ? ratio : null;

    private void Learn(string? model, double bytesPerToken)
    {
        if (model is null || (_ratios.Count >= MaxModels && !_ratios.ContainsKey(model)))
        {
            return;
        }

        _ratios[model] = RatioOf(model) is { } known
            ? new Ratio(known.Value + ((bytesPerToken - known.Value) / Math.Min(known.Samples + 1, 20)), known.Samples + 1)
            : new Ratio(bytesPerToken, 1);
    }

    /// <param name="Value">Bytes per token, a moving average.</param>
    /// <param name="Samples">Prompts it was learned from.</param>
    private sealed record Ratio(double Value, int Samples);
}
