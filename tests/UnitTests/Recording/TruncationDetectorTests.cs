using OllamaProxy.Application.Protocols;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Recording;

public sealed class TruncationDetectorTests
{
    private const int Context = 4096;

    [Fact]
    public void The_recorded_truncation_is_certain()
    {
        var recording = Transcript.Load("29f-chat-too-long-truncated");
        var request = WireProtocols.Of(ApiEndpoint.Chat).CreateRequestReader(ApiEndpoint.Chat, null)!;
        request.Read(recording.Request.Body);
        var response = WireProtocols.Of(ApiEndpoint.Chat).CreateResponseReader(ApiEndpoint.Chat, new ResponseHead(200, "application/json", 0))!;
        response.Read(recording.Response.Body, 0);
        var exchange = Exchange(ApiEndpoint.Chat, 0, 0) with { Request = request.Complete(), Response = response.Complete(TimeProvider.System, ended: true) };

        // The model of the recording has a context length of 2,048.
        Assert.Equal(Truncation.Certain, new TruncationDetector(static model => model == "tiny:latest" ? 2_048 : null).Judge(exchange));
    }

    [Theory]
    [InlineData(4_096, 2_050)]
    [InlineData(4_096, 2_051)]
    [InlineData(32_768, 16_386)]
    [InlineData(32_768, 16_387)]
    [InlineData(65_536, 32_770)]
    [InlineData(2_048, 1_027)]
    public void The_token_count_that_truncation_leaves_is_recognized(int context, int left)
    {
        Assert.True(Truncations.IsFingerprint(left, context, null));
        Assert.False(Truncations.IsFingerprint(left + 2, context, null));
    }

    [Fact]
    public void The_kept_tokens_of_the_request_change_that_token_count()
    {
        Assert.True(Truncations.IsFingerprint(4_096 - ((4_096 - 100) / 2), 4_096, 100));
    }

    [Fact]
    public void Every_dialect_is_judged()
    {
        foreach (var endpoint in (ApiEndpoint[])[ApiEndpoint.Generate, ApiEndpoint.Chat, ApiEndpoint.OpenAiChat, ApiEndpoint.OpenAiCompletions,
            ApiEndpoint.OpenAiResponses, ApiEndpoint.AnthropicMessages])
        {
            Assert.Equal(Truncation.Certain, Detector().Judge(Exchange(endpoint, 2_050, 2_050 * 8)));
        }
    }

    [Fact]
    public void Embeddings_are_not_judged()
    {
        Assert.Null(Detector().Judge(Exchange(ApiEndpoint.Embed, 2_050, 2_050 * 8)));
    }

    [Fact]
    public void A_prompt_with_that_count_by_chance_is_not_truncated_once_the_model_is_known()
    {
        var detector = Detector();
        for (var prompt = 0; prompt < 5; prompt++)
        {
            Assert.Null(detector.Judge(Exchange(ApiEndpoint.Chat, 1_000, 4_300)));
        }

        Assert.Null(detector.Judge(Exchange(ApiEndpoint.Chat, 2_050, (long)(2_050 * 4.3))));
        Assert.Equal(Truncation.Certain, detector.Judge(Exchange(ApiEndpoint.Chat, 2_050, (long)(5_000 * 4.3))));
    }

    [Fact]
    public void A_chat_that_lost_its_oldest_messages_is_likely_once_the_model_is_known()
    {
        var detector = Detector();
        var dropped = Exchange(ApiEndpoint.Chat, 3_700, 9_000 * 4);
        Assert.Null(detector.Judge(dropped));
        for (var prompt = 0; prompt < 5; prompt++)
        {
            detector.Judge(Exchange(ApiEndpoint.Chat, 1_000, 4_000));
        }

        Assert.Equal(Truncation.Likely, detector.Judge(dropped));
        Assert.Null(detector.Judge(Exchange(ApiEndpoint.Chat, 3_700, 3_700 * 4)));
    }

    [Fact]
    public void Without_a_known_context_length_the_usual_ones_are_at_most_likely()
    {
        var detector = new TruncationDetector(static _ => null);

        Assert.Equal(Truncation.Likely, detector.Judge(Exchange(ApiEndpoint.OpenAiChat, 4_098, 40_000)));
        Assert.Null(detector.Judge(Exchange(ApiEndpoint.OpenAiChat, 4_000, 40_000)));
    }

    [Fact]
    public void A_requested_context_length_counts_only_in_ollamas_own_api()
    {
        var asked = new RequestFacts { Model = "a", TextLength = 40_000, ContextLength = 8_192 };
        var detector = new TruncationDetector(static _ => null);

        Assert.Equal(Truncation.Certain, detector.Judge(Exchange(ApiEndpoint.Chat, 4_098, 0) with { Request = asked }));
        Assert.Equal(Truncation.Likely, detector.Judge(Exchange(ApiEndpoint.OpenAiChat, 4_098, 0) with { Request = asked }));
    }

    [Fact]
    public void Nothing_is_judged_without_facts_of_request_and_response()
    {
        Assert.Null(Detector().Judge(Exchange(ApiEndpoint.Chat, 2_050, 20_000) with { Response = ResponseFacts.Unknown }));
        Assert.Null(Detector().Judge(Exchange(ApiEndpoint.Chat, 2_050, 20_000) with { Request = RequestFacts.Unknown }));
    }

    [Fact]
    public void A_hundred_thousand_model_names_are_not_remembered()
    {
        var detector = Detector();
        for (var model = 0; model < 100_000; model++)
        {
            detector.Judge(Exchange(ApiEndpoint.Chat, 1_000, 4_000) with { Request = new RequestFacts { Model = $"model-{model}", TextLength = 4_000 } });
        }

        Assert.Equal(TruncationDetector.MaxModels, detector.KnownModels);
    }

    private static TruncationDetector Detector() => new(static _ => Context);

    private static Exchange Exchange(ApiEndpoint endpoint, int promptTokens, long textLength) => new()
    {
        Id = "1",
        StartedAt = DateTimeOffset.UnixEpoch,
        Duration = TimeSpan.FromSeconds(1),
        Endpoint = endpoint,
        Method = "POST",
        Target = endpoint.Path,
        Outcome = ExchangeOutcome.Completed,
        StatusCode = 200,
        Request = new RequestFacts { Model = "a", TextLength = textLength },
        Response = new ResponseFacts { Usage = new TokenUsage { PromptTokens = promptTokens, CompletionTokens = 5 } },
    };
}
