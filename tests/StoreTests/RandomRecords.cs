using OllamaProxy.Domain;

namespace OllamaProxy.StoreTests;

/// <summary>
/// Records and questions by chance, the same ones for the same seed. Values repeat and are missing often, because ties and gaps are where stores go wrong.
/// </summary>
internal sealed class RandomRecords(int seed)
{
    /// <summary>The records lie in some days from here, which is in the middle of an hour.</summary>
    public static readonly DateTimeOffset Start = new(2026, 11, 3, 9, 17, 21, 123, 456, TimeSpan.Zero);

    private static readonly string[] s_words =
    [
        "why", "the sky", "100%", "a_b", "\"quoted\"", "it's", "Straße", "GRÜẞE", "naïve", "ΣΊΣΥΦΟΣ", "Привет", "東京都庁", "😀😀😀", "ქართული", "ᲥᲐᲠᲗᲣᲚᲘ", "ꭰꭱꭲ",
        "µs", "İstanbul",
        "back\\slash", "semi;colon --", "AND OR NOT", "(x*", "tab\tand\nline", "zero\0zero",
    ];

    private static readonly string?[] s_models = ["phi4:latest", "llama3:8b", "qwen2.5:0.5b", null];
    private static readonly ApiEndpoint[] s_endpoints = [ApiEndpoint.Chat, ApiEndpoint.Generate, ApiEndpoint.Embed, ApiEndpoint.FromLabel("tags")!];
    private static readonly PromptCategory[] s_categories =
        [PromptCategory.CodeWrite, PromptCategory.Question, PromptCategory.Other, PromptCategory.Empty];
    private static readonly string?[] s_clients = ["127.0.0.1", "10.0.0.7", "::1", "10.0.0.8", "10.0.0.9", null];
    private static readonly string?[] s_applications = ["open-webui", "ollama-python", null];

    private static readonly string?[] s_proxies = ["berlin", "tokyo", null];
    private static readonly string?[] s_backends = ["local", "gpu:11434"];

    private readonly Random _random = new(seed);

    /// <summary>Records within some days, in an order that is nearly, but not quite, that of their times: they are written when they end.</summary>
    public IReadOnlyList<RequestRecord> Some(int count, TimeSpan within) =>
        [.. Enumerable.Range(0,
            count).Select(index => One(index, Start + (within * ((double)index / count)) + TimeSpan.FromMicroseconds(_random.Next(120_000_000))))];

    public RequestFilter Filter(TimeSpan within) => new()
    {
        Model = Maybe(5, () => Pick(["PHI4", "registry.ollama.ai/library/llama3:8b", "qwen2.5:0.5b", "absent"])),
        Endpoint = _random.Next(5) == 0 ? Pick(s_endpoints) : null,
        Category = _random.Next(6) == 0 ? Pick(s_categories) : null,
        Status = Maybe(6, () => Pick(["success", "error", "cancelled"])),
        ErrorType = _random.Next(8) == 0 ? Pick([ErrorType.UpstreamError, ErrorType.ModelNotFound]) : null,
        Outcome = _random.Next(8) == 0 ? (ExchangeOutcome)_random.Next(7) : null,
        Client = Maybe(6, () => Pick(s_clients)),
        Application = Maybe(6, () => Pick(s_applications)),
        Proxy = Maybe(9, () => Pick(s_proxies)),
        Backend = Maybe(9, () => Pick(s_backends)),
        RequestId = Maybe(20, () => $"{_random.Next(200):x32}"),
        From = _random.Next(2) == 0 ? Instant(within) : null,
        To = _random.Next(2) == 0 ? Instant(within) : null,
        IsInference = _random.Next(5) == 0 ? _random.Next(2) == 0 : null,
    };

    /// <summary>A filter with the parts too that make a store look at every record.</summary>
    public RequestFilter AnyFilter(TimeSpan within) => Filter(within) with
    {
        Search = Maybe(3, Search),
        PromptSearch = Maybe(5, Search),
        MinInputTokens = MaybeTokens(),
        MaxInputTokens = MaybeTokens(),
        MinOutputTokens = MaybeTokens(),
        MaxOutputTokens = MaybeTokens(),
        MinLatency = _random.Next(6) == 0 ? Latency() : null,
        MaxLatency = _random.Next(6) == 0 ? Latency() : null,
    };

    /// <summary>A piece of a text that may occur, in some other case.</summary>
    public string Search()
    {
        var text = Text();
        var start = _random.Next(text.Length);
        var piece = text.Substring(start, Math.Min(text.Length - start, 1 + _random.Next(9)));
        if (char.IsLowSurrogate(piece[0]) || char.IsHighSurrogate(piece[^1]))
        {
            piece = "sky";
        }

        return _random.Next(3) switch { 0 => piece.ToUpperInvariant(), 1 => piece.ToLowerInvariant(), _ => piece };
    }

    public int Next(int below) => _random.Next(below);

    private RequestRecord One(int index, DateTimeOffset timestamp)
    {
        var outcome = _random.Next(3) == 0 ? (ExchangeOutcome)_random.Next(7) : ExchangeOutcome.Completed;
        var endpoint = Pick(s_endpoints);
        bool? stream = _random.Next(3) switch { 0 => null, 1 => true, _ => false };
        TimeSpan? firstToken = _random.Next(3) == 0 ? null : Latency();
        return new RequestRecord
        {
            RequestId = $"{index:x32}",
            Timestamp = timestamp.AddTicks(-(timestamp.Ticks % TimeSpan.TicksPerMicrosecond)),
            Model = Pick(s_models),
            Endpoint = endpoint,
            Method = "POST",
            Category = Pick(s_categories),
            Prompt = Maybe(0, Text),
            Response = Maybe(0, Text),
            Outcome = outcome,
            ErrorType = outcome is ExchangeOutcome.Completed ? null : Pick([ErrorType.UpstreamError, ErrorType.ModelNotFound, ErrorType.OutOfMemory]),
            Latency = Latency(),
            TimeToFirstToken = firstToken,
            LoadCause = _random.Next(4) == 0 ? LoadCause.Cold : null,
            LoadDuration = _random.Next(2) == 0 ? null : Latency(),
            Truncation = _random.Next(5) == 0 ? Truncation.Likely : null,
            InputTokens = _random.Next(4) == 0 ? null : _random.Next(10),
            CachedInputTokens = _random.Next(4) == 0 ? _random.Next(10) : null,
            OutputTokens = _random.Next(4) == 0 ? null : _random.Next(10),
            TokensPerSecond = _random.Next(3) == 0 ? null : _random.Next(400) / 4.0,
            SpeedEstimated = _random.Next(2) == 0,
            Stream = firstToken is null ? stream : stream ?? true,
            ClientIp = Pick(s_clients),
            Application = Pick(s_applications),
            Proxy = Pick(s_proxies),
            Backend = Pick(s_backends),
            IsInference = endpoint.IsInference,
        };
    }

    /// <summary>From a millisecond to minutes, sometimes 0, one in three a round value that others have too.</summary>
    private TimeSpan Latency() => _random.Next(20) switch
    {
        0 => TimeSpan.Zero,
        < 8 => TimeSpan.FromMilliseconds(_random.Next(5) * 100),
        _ => TimeSpan.FromMicroseconds((long)Math.Pow(10, 3 + (5.5 * _random.NextDouble()))),
    };

    private DateTimeOffset Instant(TimeSpan within) => Start + (within * ((_random.NextDouble() * 1.2) - 0.1));

    private string Text() => string.Join(' ', Enumerable.Range(0, 1 + _random.Next(5)).Select(_ => Pick(s_words)));

    private int? MaybeTokens() => _random.Next(10) == 0 ? _random.Next(10) : null;

    private T Pick<T>(T[] from) => from[_random.Next(from.Length)];

    /// <summary>A value once in so many times; with 0, four times in five.</summary>
    private string? Maybe(int oneIn, Func<string?> value) => (oneIn == 0 ? _random.Next(5) > 0 : _random.Next(oneIn) == 0) ? value() : null;
}
