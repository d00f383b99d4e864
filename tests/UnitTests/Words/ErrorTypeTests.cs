using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class ErrorTypeTests
{
    [Theory]
    [InlineData(ExchangeOutcome.ClientCancelled, null, null, ErrorType.ClientAbort)]
    [InlineData(ExchangeOutcome.UpstreamUnreachable, 502, "refused", ErrorType.UpstreamUnreachable)]
    [InlineData(ExchangeOutcome.Incomplete, 200, null, ErrorType.Incomplete)]
    [InlineData(ExchangeOutcome.ProxyStopped, 200, null, ErrorType.ProxyStopped)]
    [InlineData(ExchangeOutcome.UpstreamError, 200, "an error was encountered", ErrorType.MidStream)]
    [InlineData(ExchangeOutcome.UpstreamError, 404, "model 'a' not found", ErrorType.ModelNotFound)]
    [InlineData(ExchangeOutcome.UpstreamError, 400, "invalid model name", ErrorType.BadRequest)]
    [InlineData(ExchangeOutcome.UpstreamError, 405, null, ErrorType.BadRequest)]
    [InlineData(ExchangeOutcome.UpstreamError, 501, null, ErrorType.BadRequest)]
    [InlineData(ExchangeOutcome.UpstreamError, 401, "unauthorized", ErrorType.Forbidden)]
    [InlineData(ExchangeOutcome.UpstreamError, 403, null, ErrorType.Forbidden)]
    [InlineData(ExchangeOutcome.UpstreamError, 429, null, ErrorType.RateLimited)]
    [InlineData(ExchangeOutcome.UpstreamError, 503, "server busy, please try again.  maximum pending requests exceeded", ErrorType.Busy)]
    [InlineData(ExchangeOutcome.UpstreamError, 500, "an error was encountered while running the model: CUDA error: out of memory", ErrorType.OutOfMemory)]
    [InlineData(ExchangeOutcome.UpstreamError, 500, "model requires more system memory (8.1 GiB) than is available (3.2 GiB)", ErrorType.OutOfMemory)]
    [InlineData(ExchangeOutcome.UpstreamError, 400, "the input length exceeds the context length", ErrorType.ContextOverflow)]
    [InlineData(ExchangeOutcome.UpstreamError, 200, "request (5000 tokens) exceeds the available context size (4096 tokens)", ErrorType.ContextOverflow)]
    [InlineData(ExchangeOutcome.UpstreamError, 500, "unexpected EOF", ErrorType.UpstreamError)]
    public void An_error_has_the_type_that_says_whose_it_is(ExchangeOutcome outcome, int? status, string? error, ErrorType type)
    {
        Assert.Equal(type, ErrorTypes.Of(Exchange(outcome, status, error)));
    }

    [Fact]
    public void A_success_has_none()
    {
        Assert.Null(ErrorTypes.Of(Exchange(ExchangeOutcome.Completed, 200, null)));
    }

    [Fact]
    public void A_404_without_a_model_is_a_path_that_is_not_there()
    {
        Assert.Equal(ErrorType.NotFound, ErrorTypes.Of(Exchange(ExchangeOutcome.UpstreamError, 404, null) with { Request = RequestFacts.Unknown }));
    }

    [Fact]
    public void Every_type_has_a_name_of_its_own()
    {
        var names = Enum.GetValues<ErrorType>().Select(type => type.Name()).ToArray();

        Assert.Equal(names.Length, names.Distinct(StringComparer.Ordinal).Count());
    }

    private static Exchange Exchange(ExchangeOutcome outcome, int? status, string? error) => new()
    {
        Id = "1",
        StartedAt = DateTimeOffset.UnixEpoch,
        Duration = TimeSpan.FromSeconds(1),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        Outcome = outcome,
        StatusCode = status,
        Error = error,
        Request = new RequestFacts { Model = "a" },
    };
}
