using OllamaProxy.Domain;

namespace OllamaProxy.Bench.Stores;

/// <summary>
/// Records of some days, the same in every run. Prompts and answers have about a hundred words, from a vocabulary in which few words are frequent.
/// In an office, people work by day, and each uses one or two applications. An application uses few models, endpoints and kinds of prompts, and few clients
/// make most of the requests (Zipf). Labels that are independent of each other and of the hour are the worst case for sums by labels.
/// </summary>
/// <param name="count">How many records.</param>
/// <param name="end">When the last one begins.</param>
/// <param name="isOffice">False for independent labels.</param>
/// <param name="hasTexts">False for records without prompts and answers, which are written faster.</param>
/// <param name="days">The days before <paramref name="end"/> in which they begin.</param>
internal sealed class Corpus(int count, DateTimeOffset end, bool isOffice = true, bool hasTexts = true, int days = 7)
{
    public TimeSpan Length { get; } = TimeSpan.FromDays(days);

    private const int Clients = 300;

    private const int Vocabulary = 20_000;

    private readonly Random _random = new(20261124);
    private readonly string[] _words = MakeWords();

    private readonly Person[] _people = MakePeople();

    private static readonly string[] s_models =
        ["phi4:latest", "llama3.1:8b", "qwen2.5:7b", "mistral:7b", "gemma2:9b", "deepseek-r1:14b", "codellama:13b", "nomic-embed-text:latest"];
    private static readonly ApiEndpoint[] s_endpoints = [ApiEndpoint.Chat, ApiEndpoint.Generate, ApiEndpoint.OpenAiChat, ApiEndpoint.AnthropicMessages];
    private static readonly string?[] s_applications = ["open-webui", "ollama-python", "continue", "curl", null];

    /// <summary>Beginnings of prompts, by which <see cref="PromptCategories"/> tells them apart.</summary>
    private static readonly string[] s_tasks =
    [
        "", "Summarize this: ", "Translate into German: ", "Explain ", "Write a function that ", "Fix this error: ", "What is ", "Write a story about ",
        "Analyze ",
        "List all ",
    ];

    /// <summary>What an application uses, the most frequent first, and its share of all people.</summary>
    private static readonly Use[] s_uses =
    [
        new("open-webui", 0.45, ["phi4:latest", "llama3.1:8b", "gemma2:9b"], [ApiEndpoint.Chat], [0, 6, 1, 2, 3, 7, 8, 9]),
        new("continue", 0.2, ["qwen2.5:7b", "codellama:13b"], [ApiEndpoint.Chat, ApiEndpoint.Generate], [4, 5, 3]),
        new("claude-code", 0.1, ["qwen2.5:7b", "deepseek-r1:14b"], [ApiEndpoint.AnthropicMessages], [4, 5, 8]),
        new("ollama-python", 0.15, ["llama3.1:8b", "mistral:7b", "phi4:latest"], [ApiEndpoint.Generate, ApiEndpoint.Chat], [1, 8, 2]),
        new("openai-python", 0.05, ["llama3.1:8b"], [ApiEndpoint.OpenAiChat], [0, 1]),
        new(null, 0.05, ["phi4:latest", "llama3.1:8b"], [ApiEndpoint.Generate], [0, 6]),
    ];

    /// <summary>Requests of each hour of a working day, of which the night's are programs.</summary>
    private static readonly int[] s_day = [2, 2, 2, 2, 2, 3, 5, 12, 40, 80, 100, 95, 60, 85, 100, 95, 80, 50, 25, 12, 8, 6, 4, 3];

    /// <summary>A word in one record of so many, about.</summary>
    public string Rare => _words[Vocabulary - 1];

    /// <summary>A word in most records.</summary>
    public string Frequent => _words[0];

    /// <summary>The client of an office with most requests.</summary>
    public const string BusiestClient = "10.0.0.2";

    /// <summary>The model that is asked most.</summary>
    public static string Model => s_models[0];

    public IEnumerable<RequestRecord> Records()
    {
        var starts = Enumerable.Range(0, (int)Length.TotalHours).Select(hour => (end - Length).AddHours(hour));
        var hours = starts.Select(start => (Start: start, Weight: isOffice ? WeightOf(start) : 1)).ToArray();
        var weight = (double)hours.Sum(hour => hour.Weight);
        var (number, due) = (0, 0.0);
        foreach (var hour in hours)
        {
            var (first, next) = (number, Math.Min(count, (int)Math.Round(due += count * hour.Weight / weight)));
            for (; number < next; number++)
            {
                yield return One(number, hour.Start + (TimeSpan.FromHours(1) * ((number - first + 0.5) / (next - first))));
            }
        }
    }

    private static int WeightOf(DateTimeOffset hour) =>
        hour.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? (s_day[hour.Hour] / 10) + 1 : s_day[hour.Hour];

    private RequestRecord One(int number, DateTimeOffset timestamp)
    {
        var failed = _random.Next(50) == 0;
        var outcome = !failed ? ExchangeOutcome.Completed : _random.Next(2) == 0 ? ExchangeOutcome.UpstreamError : ExchangeOutcome.ClientCancelled;
        var (input, output) = (_random.Next(20, 4_000), _random.Next(5, 900));
        var (client, application, model, endpoint, task) = isOffice ? OfOffice() : OfAnybody();
        var prompt = s_tasks[task] + Text(hasTexts ? _random.Next(20, 160) : 1);
        return new RequestRecord
        {
            RequestId = $"{number:x32}",
            Timestamp = timestamp,
            Model = model,
            Endpoint = endpoint,
            Method = "POST",
            Category = PromptCategories.Of(prompt),
            Prompt = hasTexts ? prompt : null,
            Response = failed || !hasTexts ? null : Text(_random.Next(5, 150)),
            Latency = TimeSpan.FromMilliseconds(200 + (output * _random.Next(8, 40))),
            TimeToFirstToken = TimeSpan.FromMilliseconds(_random.Next(40, 4_000)),
            TimeToHeaders = TimeSpan.FromMilliseconds(_random.Next(40, 4_000)),
            InputTokens = input,
            OutputTokens = failed ? null : output,
            TokensPerSecond = failed ? null : _random.Next(100, 1_200) / 10.0,
            TotalDuration = TimeSpan.FromMilliseconds(output * 20),
            LoadDuration = TimeSpan.FromMilliseconds(_random.Next(10, 60)),
            PromptEvalDuration = TimeSpan.FromMilliseconds(input / 3.0),
            EvalDuration = TimeSpan.FromMilliseconds(output * 18),
            QueueTime = TimeSpan.Zero,
            StatusCode = outcome == ExchangeOutcome.UpstreamError ? 500 : 200,
            Outcome = outcome,
            FinishReason = failed ? null : "stop",
            Stream = true,
            ClientIp = client,
            UserAgent = "OllamaClient/1.0 (linux)",
            Application = application,
            Target = "/api/chat",
            RequestBytes = input * 4,
            ResponseBytes = output * 90,
            MessageCount = _random.Next(1, 12),
            IsInference = true,
        };
    }

    private (string Client, string? Application, string Model, ApiEndpoint Endpoint, int Task) OfOffice()
    {
        var weight = _random.NextDouble() * _people[^1].UpTo;
        var person = Array.Find(_people, one => one.UpTo >= weight)!;
        var use = _random.Next(8) == 0 ? person.Other : person.Use;
        var model = _random.Next(5) == 0 ? Pick(use.Models) : use.Models[person.Taste % use.Models.Length];
        return (person.Client, use.Application, model, use.Endpoints[Math.Min(Frequently(use.Endpoints.Length), use.Endpoints.Length - 1)], Pick(use.Tasks));
    }

    private (string Client, string? Application, string Model, ApiEndpoint Endpoint, int Task) OfAnybody() => (
        $"10.0.{_random.Next(2)}.{_random.Next(1, 150)}",
        Pick(s_applications),
        s_models[Math.Min(Frequently(s_models.Length), s_models.Length - 1)],
        Pick(s_endpoints),
        _random.Next(s_tasks.Length));

    private static Person[] MakePeople()
    {
        var random = new Random(2);
        var upTo = 0.0;
        return
        [
            .. Enumerable.Range(1, Clients).Select(rank => new Person(
                $"10.0.{rank / 200}.{(rank % 200) + 1}", upTo += 1.0 / rank, UseOf(random.NextDouble()), UseOf(random.NextDouble()), random.Next(12))),
        ];

        static Use UseOf(double share) => Array.Find(s_uses, use => (share -= use.Share) < 0) ?? s_uses[0];
    }

    private T Pick<T>(T[] from) => from[_random.Next(from.Length)];

    private string Text(int length) => string.Join(
        ' ', Enumerable.Range(0, length).Select(_ => _words[Math.Min((int)(Vocabulary * Math.Pow(_random.NextDouble(), 4)), Vocabulary - 1)]));

    /// <summary>0 half of the time, 1 a quarter of it, and so on.</summary>
    private int Frequently(int below)
    {
        var value = 0;
        while (value < below && _random.Next(2) == 0)
        {
            value++;
        }

        return value;
    }

    private static string[] MakeWords()
    {
        const string Consonants = "bdfgklmnprstvz";
        const string Vowels = "aeiou";
        var random = new Random(1);
        HashSet<string> words = [];
        while (words.Count < Vocabulary)
        {
            var syllables = Enumerable.Range(0, random.Next(1, 5))
                .Select(_ => $"{Consonants[random.Next(Consonants.Length)]}{Vowels[random.Next(Vowels.Length)]}");
            words.Add(string.Concat(syllables) + Consonants[random.Next(Consonants.Length)]);
        }

        return [.. words];
    }

    /// <summary>An application: what it uses, and the share of people who use it.</summary>
    private sealed record Use(string? Application, double Share, string[] Models, ApiEndpoint[] Endpoints, int[] Tasks);

    /// <summary>A person.</summary>
    /// <param name="Client">The address.</param>
    /// <param name="UpTo">The requests of this and of all busier people, as a weight.</param>
    /// <param name="Use">The usual application.</param>
    /// <param name="Other">The application of one request in eight.</param>
    /// <param name="Taste">Chooses the usual model.</param>
    private sealed record Person(string Client, double UpTo, Use Use, Use Other, int Taste);
}
