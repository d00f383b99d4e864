using System.Runtime.CompilerServices;

namespace OllamaProxy.SimulatedOllama;

internal enum PieceKind
{
    Thinking,
    Text,
    ToolCall,
}

internal readonly record struct Piece(PieceKind Kind, string Text);

/// <summary>What one generation was asked for.</summary>
internal sealed record Job(SimulatedModel Model, int Limit, bool Thinks, int PromptLength, int Seed, Fault Fault)
{
    /// <summary><c>options.num_ctx</c>, which only Ollama's own API takes.</summary>
    public int? ContextLength { get; init; }

    /// <summary>The tool it calls instead of saying anything.</summary>
    public SimulatedToolCall? ToolCall { get; init; }

    /// <summary>What it says; null for words of its own.</summary>
    public SimulatedAnswer? Answer { get; init; }
}

/// <summary>What one generation cost; whole once its last piece was given.</summary>
internal sealed class Cost(TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();

    public TimeSpan Load { get; set; }

    public int PromptTokens { get; set; }

    /// <summary>What of the prompt was cached; null when that is not told.</summary>
    public int? CachedTokens { get; set; }

    public TimeSpan Prompt { get; set; }

    public int Tokens { get; set; }

    public TimeSpan Generation { get; set; }

    public string Reason { get; set; } = "stop";

    /// <summary>Nanoseconds since the request came.</summary>
    public long Total => (long)time.GetElapsedTime(_began).TotalNanoseconds;
}

/// <summary>Generates pieces at the model's pace.</summary>
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
            // A prompt is read some twenty times as fast as text is written.
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

    /// <summary>What is left of a prompt that is too long: half of what lies behind the kept beginning is dropped (recording 29f).</summary>
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

/// <summary>The connection shall end here, as when the server dies.</summary>
internal sealed class ConnectionCut : Exception;
