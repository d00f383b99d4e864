using OllamaProxy.Domain;

namespace OllamaProxy.Bench.Stores;

/// <summary>
/// Records such as a busy office leaves in a week, the same in every run: few models that are asked most, some hundreds of clients, prompts and answers of about a
/// hundred words from a vocabulary in which few words are frequent.
/// </summary>
internal sealed class Corpus(int count, DateTimeOffset end)
{
    public static readonly TimeSpan Length = TimeSpan.FromDays(7);

    private const int Vocabulary = 20_000;

    private readonly Random _random = new(20261124);
    private readonly string[] _words = MakeWords();

    private static readonly string[] s_models = ["phi4:latest", "llama3.1:8b", "qwen2.5:7b", "mistral:7b", "gemma2:9b", "deepseek-r1:14b", "codellama:13b", "nomic-embed-text:latest"];
    private static readonly string[] s_endpoints = ["chat", "generate", "v1/chat/completions", "v1/messages"];
    private static readonly string?[] s_applications = ["open-webui", "ollama-python", "continue", "curl", null];

    /// <summary>A word in one record of so many, about.</summary>
    public string Rare => _words[Vocabulary - 1];

    /// <summary>A word in most records.</summary>
    public string Frequent => _words[0];

    /// <summary>The model that is asked most.</summary>
    public static string Model => s_models[0];

    public IEnumerable<RequestRecord> Records()
    {
        var begin = end - Length;
        for (var number = 0; number < count; number++)
        {
            yield return One(number, begin + (Length * ((number + 1.0) / (count + 1))));
        }
    }

    private RequestRecord One(int number, DateTimeOffset timestamp)
    {
        var failed = _random.Next(50) == 0;
        var outcome = !failed ? ExchangeOutcome.Completed : _random.Next(2) == 0 ? ExchangeOutcome.UpstreamError : ExchangeOutcome.ClientCancelled;
        var (input, output) = (_random.Next(20, 4_000), _random.Next(5, 900));
        var prompt = Text(_random.Next(20, 160));
        return new RequestRecord
        {
            RequestId = $"{number:x32}",
            Timestamp = timestamp,
            Model = s_models[Math.Min(Frequently(s_models.Length), s_models.Length - 1)],
            Endpoint = s_endpoints[_random.Next(s_endpoints.Length)],
            Method = "POST",
            Category = PromptCategories.Of(prompt).Label(),
            Prompt = prompt,
            Response = failed ? null : Text(_random.Next(5, 150)),
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
            Status = outcome.Status(),
            Outcome = outcome.Name(),
            FinishReason = failed ? null : "stop",
            Stream = true,
            ClientIp = $"10.0.{_random.Next(2)}.{_random.Next(1, 150)}",
            UserAgent = "OllamaClient/1.0 (linux)",
            Application = s_applications[_random.Next(s_applications.Length)],
            Target = "/api/chat",
            RequestBytes = input * 4,
            ResponseBytes = output * 90,
            MessageCount = _random.Next(1, 12),
            IsInference = true,
        };
    }

    private string Text(int length) => string.Join(' ', Enumerable.Range(0, length).Select(_ => _words[Math.Min((int)(Vocabulary * Math.Pow(_random.NextDouble(), 4)), Vocabulary - 1)]));

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
            words.Add(string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => $"{Consonants[random.Next(Consonants.Length)]}{Vowels[random.Next(Vowels.Length)]}")) + Consonants[random.Next(Consonants.Length)]);
        }

        return [.. words];
    }
}
