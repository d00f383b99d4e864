using System.Runtime.CompilerServices;

namespace OllamaProxy.SimulatedOllama;

internal enum PieceKind
{
    Thinking,
    Text,
    ToolCall,
}

internal readonly record struct Piece(PieceKind Kind, string Text);

/// <summary>The parameters of one generation.</summary>
internal sealed record Job(SimulatedModel Model, int Limit, bool Thinks, int PromptLength, int Seed, Fault Fault)
{
    /// <summary><c>options.num_ctx</c>, which only Ollama's own API has.</summary>
    public int? ContextLength { get; init; }

    /// <summary>The tool call it answers with; null for text.</summary>
    public SimulatedToolCall? ToolCall { get; init; }

    /// <summary>The prepared response; null for generated words.</summary>
    public SimulatedAnswer? Answer { get; init; }
}

/// <summary>The counts and durations of one generation; complete after its last chunk.</summary>
internal sealed class Cost(TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();

    public TimeSpan Load { get; set; }

    public int PromptTokens { get; set; }

    /// <summary>Cached prompt tokens; null when they are not reported.</summary>
    public int? CachedTokens { get; set; }

    public TimeSpan Prompt { get; set; }

    public int Tokens { get; set; }

    public TimeSpan Generation { get; set; }

    public string Reason { get; set; } = "stop";

    /// <summary>Nanoseconds since the request arrived.</summary>
    public long Total => (long)time.GetElapsedTime(_began).TotalNanoseconds;
}

/// <summary>Generates chunks at the model's speed.</summary>
internal sealed class ModelRunner(Models models, SimulatedOllamaOptions options)
{
    private const int PiecesBeforeDeath = 5;

    public async IAsyncEnumerable<Piece> RunAsync(Job job, System.Text.Json.JsonElement? keepAlive, Cost cost,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        switch (job.Fault)
        {
            case Fault.Busy:
                throw ApiFailure.Busy();
            case Fault.Broken:
                throw new ApiFailure(500, "an error was encountered while running the model: unexpected EOF");
            case Fault.Hang:
                await Task.Delay(Timeout.InfiniteTimeSpan, options.Time, cancellationToken);
                break;
            case Fault.Slow:
                await Task.Delay(options.SlowFirstByte, options.Time, cancellationToken);
                break;
        }

        using var slot = await models.TakeAsync(job.Model, keepAlive, job.ContextLength, cancellationToken);
        cost.Load = slot.LoadTime;
        cost.PromptTokens = Shortened(20 + (job.PromptLength / 4), job.ContextLength ?? job.Model.ContextLength);
        cost.CachedTokens = options.TellsCachedTokens ? cost.PromptTokens / 4 : null;
        var began = options.Time.GetTimestamp();
        if (job.Model.TokensPerSecond > 0)
        {
            // Prompts are processed about twenty times as fast as text is generated.
            await Task.Delay(TimeSpan.FromSeconds(cost.PromptTokens / job.Model.TokensPerSecond / 20), options.Time, cancellationToken);
        }

        cost.Prompt = options.Time.GetElapsedTime(began);
        began = options.Time.GetTimestamp();
        var given = 0;
        foreach (var (piece, tokens) in Pieces(job))
        {
            if (cost.Tokens + tokens > job.Limit)
            {
                cost.Reason = "length";
                break;
            }

            cost.Tokens += tokens;
            if (job.Model.TokensPerSecond > 0)
            {
                var due = TimeSpan.FromSeconds(cost.Tokens / job.Model.TokensPerSecond) - options.Time.GetElapsedTime(began);
                if (due > TimeSpan.Zero)
                {
                    await Task.Delay(due, options.Time, cancellationToken);
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            cost.Generation = options.Time.GetElapsedTime(began);
            yield return piece;
            if (++given == PiecesBeforeDeath && job.Fault is Fault.Error or Fault.Cut)
            {
                throw job.Fault is Fault.Cut ? new ConnectionCut() : new RunnerDied();
            }
        }

        cost.Tokens += cost.Reason == "stop" ? 1 : 0;
        cost.Generation = options.Time.GetElapsedTime(began);
    }

    /// <summary>The tokens of a truncated prompt: half of what follows the kept beginning is dropped (recording 29f).</summary>
    private static int Shortened(int tokens, int context) => tokens <= context ? tokens : context - Math.Max((context - 5) / 2, 1);

    private static IEnumerable<(Piece Piece, int Tokens)> Pieces(Job job)
    {
        if (job.ToolCall is not null)
        {
            return [(new Piece(PieceKind.ToolCall, ""), 9)];
        }

        var thoughts = job.Answer is { } answer ? SimulatedAnswer.TokensOf(answer.Thinking) : Words.Thought;
        var said = job.Answer is not null ? SimulatedAnswer.TokensOf(job.Answer.Text).Select(text => (text, 1))
            : job.Model.SaysFixedSentence ? Words.Sentence
            : Words.Endless(job.Seed).Take(Words.LengthFor(job.Seed)).Select(text => (text, 1));
        var thought = job.Thinks ? thoughts.Select(text => (new Piece(PieceKind.Thinking, text), 1)) : [];
        return thought.Concat(said.Select(piece => (new Piece(PieceKind.Text, piece.Item1), piece.Item2)));
    }
}

/// <summary>Ends the connection as if the server died.</summary>
internal sealed class ConnectionCut : Exception;
