using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class OutcomesTests
{
    private static readonly ResponseFacts s_terminated = new() { Terminated = true };
    private static readonly ResponseFacts s_open = new();
    private static readonly ResponseFacts s_failed = new() { Error = "an error was encountered" };

    [Fact]
    public void A_whole_response_with_its_terminator_is_completed() => Assert.Equal(ExchangeOutcome.Completed, Classify(RelayEnd.Whole, 200, s_terminated));

    [Fact]
    public void A_whole_response_without_a_reader_needs_no_terminator() =>
        Assert.Equal(ExchangeOutcome.Completed, Classify(RelayEnd.Whole, 200, s_open, expectsTerminator: false));

    [Fact]
    public void A_whole_response_without_its_terminator_is_incomplete() => Assert.Equal(ExchangeOutcome.Incomplete, Classify(RelayEnd.Whole, 200, s_open));

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(500)]
    public void A_status_of_400_and_above_is_ollamas_error(int status) =>
        Assert.Equal(ExchangeOutcome.UpstreamError, Classify(RelayEnd.Whole, status, s_terminated));

    [Fact]
    public void An_error_in_a_200_response_is_ollamas_error() => Assert.Equal(ExchangeOutcome.UpstreamError, Classify(RelayEnd.Whole, 200, s_failed));

    [Fact]
    public void A_client_that_disconnects_after_the_last_byte_has_not_cancelled() =>
        Assert.Equal(ExchangeOutcome.Completed, Classify(RelayEnd.Whole, 200, s_terminated, clientLeft: true));

    [Theory]
    [InlineData(nameof(RelayEnd.NoAnswer))]
    [InlineData(nameof(RelayEnd.CutByClient))]
    [InlineData(nameof(RelayEnd.CutByUpstream))]
    public void A_client_that_disconnects_before_the_last_byte_has_cancelled(string end) =>
        Assert.Equal(ExchangeOutcome.ClientCancelled, Classify(Enum.Parse<RelayEnd>(end), null, s_open, clientLeft: true));

    [Theory]
    [InlineData(ForwarderError.RequestBodyClient)]
    [InlineData(ForwarderError.RequestCanceled)]
    [InlineData(ForwarderError.ResponseBodyClient)]
    public void A_client_whose_request_body_is_truncated_has_cancelled(ForwarderError error) =>
        Assert.Equal(ExchangeOutcome.ClientCancelled, Classify(RelayEnd.NoAnswer, null, s_open, error));

    [Fact]
    public void A_request_ended_by_the_stop_of_the_proxy_is_not_a_fault_of_ollama() =>
        Assert.Equal(ExchangeOutcome.ProxyStopped, Classify(RelayEnd.CutByClient, 200, s_open, clientLeft: true, stopping: true));

    [Fact]
    public void A_rejected_request_stays_rejected_even_if_the_client_disconnects() =>
        Assert.Equal(ExchangeOutcome.Rejected, Classify(RelayEnd.Refused, 503, s_open, clientLeft: true));

    [Theory]
    [InlineData(nameof(RelayEnd.CutByClient), true, false)]
    [InlineData(nameof(RelayEnd.CutByClient), true, true)]
    [InlineData(nameof(RelayEnd.CutByUpstream), false, false)]
    [InlineData(nameof(RelayEnd.CutByUpstream), true, false)]
    public void A_terminator_completes_a_response_whichever_side_closes_next(string end, bool clientLeft, bool stopping) =>
        Assert.Equal(ExchangeOutcome.Completed, Classify(Enum.Parse<RelayEnd>(end), 200, s_terminated, clientLeft: clientLeft, stopping: stopping));

    [Theory]
    [InlineData(nameof(RelayEnd.CutByClient), 200)]
    [InlineData(nameof(RelayEnd.CutByUpstream), 200)]
    [InlineData(nameof(RelayEnd.Whole), 200)]
    public void An_error_stays_an_error_whichever_side_closes_next_and_whatever_came_before(string end, int status) =>
        Assert.Equal(ExchangeOutcome.UpstreamError, Classify(Enum.Parse<RelayEnd>(end), status, s_failed with { Terminated = true }, clientLeft: true));

    [Fact]
    public void A_client_that_reads_only_an_error_status_has_not_cancelled() =>
        Assert.Equal(ExchangeOutcome.UpstreamError, Classify(RelayEnd.CutByClient, 500, s_open, clientLeft: true));

    [Theory]
    [InlineData(nameof(RelayEnd.Whole), 200, ExchangeOutcome.Completed)]
    [InlineData(nameof(RelayEnd.Whole), 500, ExchangeOutcome.UpstreamError)]
    [InlineData(nameof(RelayEnd.CutByUpstream), 200, ExchangeOutcome.Incomplete)]
    [InlineData(nameof(RelayEnd.CutByClient), 200, ExchangeOutcome.ClientCancelled)]
    public void An_unparsable_response_is_judged_by_its_status_and_framing(string end, int status, ExchangeOutcome outcome)
    {
        foreach (var failure in Enum.GetValues<ParseFailure>())
        {
            Assert.Equal(outcome, Classify(Enum.Parse<RelayEnd>(end), status, ResponseFacts.Unread(failure, null)));
            Assert.Equal(ExchangeOutcome.UpstreamError, Classify(Enum.Parse<RelayEnd>(end), status, ResponseFacts.Unread(failure, "boom")));
        }
    }

    [Fact]
    public void A_stream_cut_by_ollama_is_incomplete() => Assert.Equal(ExchangeOutcome.Incomplete, Classify(RelayEnd.CutByUpstream, 200, s_open));

    [Fact]
    public void A_stream_cut_by_ollama_after_an_error_is_an_error() =>
        Assert.Equal(ExchangeOutcome.UpstreamError, Classify(RelayEnd.CutByUpstream, 200, s_failed));

    [Fact]
    public void A_request_without_any_response_is_unreachable() =>
        Assert.Equal(ExchangeOutcome.UpstreamUnreachable, Classify(RelayEnd.NoAnswer, 502, s_open, ForwarderError.Request));

    private static ExchangeOutcome Classify(
        RelayEnd end, int? status, ResponseFacts facts, ForwarderError error = ForwarderError.None, bool expectsTerminator = true, bool clientLeft = false,
            bool stopping = false) =>
        Outcomes.Classify(error, end, status, facts, expectsTerminator, clientLeft, stopping);
}
