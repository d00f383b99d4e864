using System.Text.Json;

namespace OllamaProxy.SimulatedOllama;

/// <summary>The checks that all dialects make before they generate: whether the model exists and supports the request, and the planned fault.</summary>
internal sealed class Inference(Models models, SimulatedOllamaOptions options, FaultPlan faults)
{
    private const string NoImages =
        "{\"error\":{\"code\":400,\"message\":\"Multimodal data provided, but model does not support multimodal "
            + "requests.\",\"type\":\"invalid_request_error\"}}";
    private readonly ModelRunner _runner = new(models, options);
    private int _jobs = options.Seed;

    public TimeProvider Time => options.Time;

    public Models Models => models;

    /// <summary>Finds the model of a name, and the fault in its suffix.</summary>
    public (SimulatedModel Model, Fault Fault) Find(string name)
    {
        var (plain, fault) = FaultPlan.Split(name);
        var model = models.Find(plain) ?? throw ApiFailure.NotFound(name);
        return (model, faults.Take(fault));
    }

    public Job Job(string name, Arguments body, int? limit, bool? thinks, bool hasTools, bool hasImages)
    {
        var (model, fault) = Find(name);
        if (model.IsEmbedding)
        {
            throw new ApiFailure(400, $"\"{name}\" does not support chat");
        }

        if (hasTools && !model.CallsTools)
        {
            throw new ApiFailure(400, $"registry.ollama.ai/library/{Models.Canonical(model.Name)} does not support tools");
        }

        if (thinks == true && !model.Thinks)
        {
            throw new ApiFailure(400, $"\"{name}\" does not support thinking");
        }

        if (hasImages && !model.Sees)
        {
            throw new ApiFailure(400, NoImages, duringRun: true);
        }

        var seed = Interlocked.Increment(ref _jobs);
        var answer = options.Answers(body.Question);
        var toolCall = !hasTools ? null : answer is null ? SimulatedToolCall.Weather : answer.ToolCall;
        return new Job(model, limit is > 0 ? limit.Value : int.MaxValue / 2, model.Thinks && thinks != false && toolCall is null, body.TextLength, seed, fault)
        {
            ToolCall = toolCall,
            Answer = answer,
        };
    }

    public IAsyncEnumerable<Piece> RunAsync(Job job, JsonElement? keepAlive, Cost cost, CancellationToken cancellationToken) =>
        _runner.RunAsync(job, keepAlive, cost, cancellationToken);
}
