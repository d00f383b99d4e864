using OllamaProxy.Domain;

namespace OllamaProxy.BrowserTests;

/// <summary>
/// A week of requests as a small team makes them, the same one every time but for when it ends: by day more than by night, some models more than others, some
/// loads, errors and people who leave.
/// </summary>
internal static class Week
{
    private static readonly (string Name, double Speed, double LoadSeconds, int Weight)[] s_models =
    [
        ("llama3.2:3b", 95, 2.1, 9), ("qwen3:8b", 58, 4.8, 7), ("gemma3:12b", 41, 7.5, 5), ("phi4:latest", 36, 8.2, 3), ("deepseek-r1:14b", 33, 9.4, 2),
    ];

    private static readonly (string Agent, string Application, string Client, string Endpoint, int Weight)[] s_users =
    [
        ("open-webui/0.6.5", "open-webui", "192.168.1.20", "chat", 8),
        ("ollama-python/0.6.1 (x86_64 linux) Python/3.12.3", "ollama-python", "192.168.1.31", "chat", 5),
        ("OpenAI/Python 1.109.1", "openai-python", "192.168.1.31", "v1/chat/completions", 4),
        ("ollama/0.32.15 (amd64 linux) Go/go1.26.11", "ollama", "127.0.0.1", "generate", 3),
        ("anthropic-sdk-typescript/0.65.0", "anthropic-sdk-typescript", "192.168.1.44", "v1/messages", 2),
    ];

    private static readonly (string Category, string Prompt, string Answer)[] s_questions =
    [
        ("code_write", "Write a Python function that removes duplicates from a list and keeps the order.", "Here is a function that keeps the first of each:\n\n```python\ndef unique(items):\n    seen = set()\n    return [item for item in items if not (item in seen or seen.add(item))]\n```\n\nIt needs hashable items. For others, compare with `in` on the list."),
        ("code_debug", "Fix this error: NullReferenceException in the checkout service when the basket is empty.", "The total is taken from `basket.Lines`, which is null until something was added. Start it as an empty list:\n\n- give the property an initial value\n- remove the check in `Total`"),
        ("explain", "Explain how a hash table works, with a picture in words.", "Think of a **cloakroom** with numbered hooks. The name of each guest is turned into a number, and the coat hangs on that hook. Two guests with one number share a hook, and the attendant looks through the few coats there."),
        ("summarize", "Summarize this article about tidal energy in five points.", "1. Tides can be foretold for decades.\n2. Turbines turn in both directions.\n3. Salt water wears them down.\n4. Few coasts are suited.\n5. Costs fall, slowly."),
        ("translate", "Translate to French: The library opens at nine and closes at six.", "La bibliothèque ouvre à neuf heures et ferme à dix-huit heures."),
        ("question", "What is the capital of Mongolia, and why is it there?", "Ulaanbaatar. It began as a moving monastery and settled in the valley of the Tuul in 1778, on the road between Beijing and Kyakhta."),
        ("creative", "Write a short story about a lighthouse keeper who is afraid of the dark.", "Every evening Mattis climbed the stairs an hour too early, and every evening he told himself that it was for the sake of the ships."),
        ("analyze", "Analyze these sales figures and compare the two quarters.", "The second quarter is 14 % above the first, nearly all of it from returning customers. New customers fell by 3 %."),
        ("other", "Wie erkläre ich einem Kind, warum der Himmel blau ist?", "Stell dir das Sonnenlicht wie eine Schachtel Buntstifte vor. Die Luft wirft den blauen Stift am häufigsten in alle Richtungen."),
        ("list", "List ten ideas for a rainy afternoon with children.", "A puppet theatre out of socks, a treasure hunt, a den of blankets, bread in the shape of animals, …"),
    ];

    private static readonly (string Type, string Error, int Status)[] s_errors =
    [
        ("upstream_error", "llama runner process has terminated: exit status 2", 500),
        ("out_of_memory", "model requires more system memory (13.9 GiB) than is available (9.1 GiB)", 500),
        ("model_not_found", "model 'lama3.2' not found", 404),
    ];

    /// <param name="end">When the last request ends.</param>
    /// <param name="count">About how many inferences; a tenth more calls run no model.</param>
    public static IReadOnlyList<RequestRecord> Before(DateTimeOffset end, int count = 4_000)
    {
        var random = new Random(7);
        var start = end.AddDays(-8);
        List<RequestRecord> records = [];
        while (records.Count < count)
        {
            var time = start + ((end - start) * random.NextDouble());
            // Working hours, and less on the days in the middle.
            var hour = time.TimeOfDay.TotalHours;
            var busy = hour is > 8 and < 19 ? 1 : hour is > 6 and < 23 ? 0.35 : 0.06;
            if (random.NextDouble() < busy && !IsAtAnEdge(time))
            {
                records.Add(Inference(random, time));
            }
        }

        for (var index = 0; index < count / 10; index++)
        {
            var time = start + ((end - start) * random.NextDouble());
            if (!IsAtAnEdge(time))
            {
                records.Add(Look(random, time));
            }
        }

        // The last hour is never empty, whatever the time of day.
        for (var minute = 0; minute < 60; minute++)
        {
            records.AddRange(Enumerable.Range(0, random.Next(1, 4)).Select(_ => Inference(random, end.AddMinutes(-minute).AddSeconds(-random.Next(60)))));
        }

        return [.. records.OrderBy(record => record.Timestamp).Select((record, index) => record with { RequestId = $"{index:x32}" })];

        // What a period of a day or of a week begins with does not change while the tests run.
        bool IsAtAnEdge(DateTimeOffset time) => new[] { 1, 7 }.Any(days => (time - end.AddDays(-days)).Duration() < TimeSpan.FromMinutes(40));
    }

    private static RequestRecord Inference(Random random, DateTimeOffset time)
    {
        var model = Pick(random, s_models, entry => entry.Weight);
        var user = Pick(random, s_users, entry => entry.Weight);
        var (category, prompt, answer) = s_questions[random.Next(s_questions.Length)];
        var output = random.Next(40, 520);
        var input = random.Next(60, 2_400);
        var speed = model.Speed * (0.85 + (0.3 * random.NextDouble()));
        var load = random.Next(14) == 0 ? model.LoadSeconds * (0.8 + (0.6 * random.NextDouble())) : 0.02 + (0.02 * random.NextDouble());
        var queue = random.Next(9) == 0 ? 4 * random.NextDouble() : 0;
        var read = input / (900 + (1_500 * random.NextDouble()));
        var decode = output / speed;
        var wait = random.Next(12) == 0 ? 1.8 * random.NextDouble() : 0.01;
        var first = queue + load + wait + read + 0.01;
        var chance = random.Next(100);
        var outcome = chance < 2 ? ExchangeOutcome.UpstreamError : chance < 3 ? ExchangeOutcome.Incomplete : chance < 7 ? ExchangeOutcome.ClientCancelled : ExchangeOutcome.Completed;
        var failed = outcome is ExchangeOutcome.UpstreamError;
        var (errorType, error, status) = s_errors[random.Next(s_errors.Length)];
        var isNative = !user.Endpoint.StartsWith("v1/", StringComparison.Ordinal);
        return new RequestRecord
        {
            RequestId = "",
            Timestamp = new DateTimeOffset(time.Ticks - (time.Ticks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero),
            Model = model.Name,
            Endpoint = user.Endpoint,
            Target = isNative ? $"/api/{user.Endpoint}" : $"/{user.Endpoint}",
            Method = "POST",
            Category = category,
            Prompt = prompt,
            System = random.Next(3) == 0 ? "You are a helpful assistant. Answer briefly." : null,
            Response = failed ? null : answer,
            Thinking = model.Name is "qwen3:8b" or "deepseek-r1:14b" && !failed ? "The user wants a direct answer. Keep it short, give one example, and say where it does not hold." : null,
            ToolCalls = random.Next(40) == 0 && !failed ? """[{"name":"get_weather","arguments":{"city":"Ulaanbaatar"}}]""" : null,
            ToolCallCount = null,
            Latency = failed ? Seconds(0.1 + random.NextDouble()) : Seconds(first + decode),
            TimeToFirstToken = failed ? null : Seconds(first),
            TimeToHeaders = Seconds(failed ? 0.1 : first),
            MeanGap = failed ? null : Seconds(1 / speed),
            LongestGap = failed ? null : Seconds(5 / speed),
            InputTokens = failed ? null : input,
            CachedInputTokens = !isNative || failed ? null : input / 3,
            OutputTokens = failed ? null : output,
            TokensEstimated = outcome is ExchangeOutcome.ClientCancelled,
            TokensPerSecond = failed ? null : speed,
            TotalDuration = isNative && !failed ? Seconds(load + wait + read + decode) : null,
            LoadDuration = isNative && !failed ? Seconds(load) : null,
            LoadCause = isNative && !failed && load > 1 ? (random.Next(3) == 0 ? "evicted" : "expired") : null,
            PromptEvalDuration = isNative && !failed ? Seconds(read) : null,
            EvalDuration = isNative && !failed ? Seconds(decode) : null,
            EngineWait = isNative && !failed ? Seconds(wait) : null,
            DecodeTime = failed ? null : Seconds(decode),
            QueueTime = Seconds(queue),
            ConnectTime = TimeSpan.Zero,
            StatusCode = failed ? status : 200,
            Status = outcome.Status(),
            Outcome = outcome.Name(),
            Error = failed ? error : null,
            ErrorType = failed ? errorType : outcome switch { ExchangeOutcome.ClientCancelled => "client_abort", ExchangeOutcome.Incomplete => "incomplete", _ => null },
            Truncation = random.Next(60) == 0 ? "likely" : null,
            FinishReason = failed ? null : "stop",
            Stream = true,
            ClientIp = user.Client,
            UserAgent = user.Agent,
            Application = user.Application,
            RequestBytes = 300 + (input * 4),
            ResponseBytes = output * 140,
            MessageCount = user.Endpoint == "generate" ? null : random.Next(1, 9),
            ContextLength = random.Next(3) == 0 ? 8_192 : null,
            Temperature = random.Next(2) == 0 ? 0.7 : null,
            MaxTokens = random.Next(3) == 0 ? 512 : null,
            IsInference = true,
        };
    }

    private static RequestRecord Look(Random random, DateTimeOffset time) => new()
    {
        RequestId = "",
        Timestamp = new DateTimeOffset(time.Ticks - (time.Ticks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero),
        Endpoint = random.Next(2) == 0 ? "tags" : "ps",
        Target = "/api/tags",
        Method = "GET",
        Category = "empty",
        Latency = Seconds(0.002 + (0.004 * random.NextDouble())),
        StatusCode = 200,
        Status = "success",
        Outcome = "completed",
        ClientIp = "192.168.1.20",
        UserAgent = "open-webui/0.6.5",
        Application = "open-webui",
        ResponseBytes = 2_100,
    };

    private static T Pick<T>(Random random, IReadOnlyList<T> all, Func<T, int> weight)
    {
        var at = random.Next(all.Sum(weight));
        foreach (var entry in all)
        {
            at -= weight(entry);
            if (at < 0)
            {
                return entry;
            }
        }

        return all[^1];
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromMicroseconds(Math.Round(seconds * 1e6));
}
