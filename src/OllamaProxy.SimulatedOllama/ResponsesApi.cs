using System.Text;

namespace OllamaProxy.SimulatedOllama;

/// <summary><c>/v1/responses</c>.</summary>
internal sealed class ResponsesApi(Inference inference)
{
    public async Task ResponsesAsync(Call call)
    {
        await call.ReadAsync();
        var body = call.Body;
        var name = body.Text("model");
        var effort = body.Object("reasoning").Text("effort");
        var stream = body.Flag("stream", false);
        if (stream)
        {
            call.Response.Headers.CacheControl = "no-cache";
            call.Response.Headers.Connection = "keep-alive";
        }

        var hasTools = body.Has("tools") && body.Objects("input").LastOrDefault(Arguments.Empty).Text("type") != "function_call_output";
        var job = inference.Job(name, body, body.Integer("max_output_tokens"), effort is "none" ? false : null, hasTools, hasImages: false);
        var answer = new ResponsesAnswer(name, job.ToolCall, inference.Time.GetUtcNow().ToUnixTimeSeconds(), call);
        var cost = new Cost(inference.Time);
        var text = new StringBuilder();
        try
        {
            await foreach (var piece in inference.RunAsync(job with { Thinks = false }, null, cost, call.Aborted))
            {
                if (stream && text.Length == 0)
                {
                    await answer.BeginAsync();
                }

                text.Append(piece.Text);
                if (stream && piece.Kind == PieceKind.Text)
                {
                    await answer.DeltaAsync(piece.Text);
                }
            }
        }
        catch (RunnerDied) when (stream)
        {
            return;
        }
        catch (RunnerDied died)
        {
            throw new ApiFailure(500, died.Message);
        }

        if (stream)
        {
            await answer.EndAsync(text.ToString(), cost);
        }
        else
        {
            await call.JsonAsync(200, ContentTypes.PlainJson, OpenAiApi.Ended(answer.Whole(text.ToString(), cost)));
        }
    }
}
