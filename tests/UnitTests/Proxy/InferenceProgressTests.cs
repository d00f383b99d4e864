using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>When Ollama is silent although it has work. The supervisor may restart it for that, so a false alarm would cut running requests.</summary>
public sealed class InferenceProgressTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly RunningRequests _running;
    private readonly Dictionary<ExchangeInProgress, LinkedListNode<ExchangeInProgress>> _places = [];

    public InferenceProgressTests() => _running = new RunningRequests(_time);

    [Fact]
    public void Without_an_inference_there_is_no_silence()
    {
        Pass(100);

        Assert.Equal(TimeSpan.Zero, _running.SilentFor());
    }

    [Fact]
    public void Silence_is_counted_from_the_end_of_the_request_and_from_each_byte_of_the_response()
    {
        var exchange = Begin("POST", "/api/chat");
        Pass(100);
        Assert.Equal(TimeSpan.Zero, _running.SilentFor());

        exchange.EndRequest();
        Pass(7);
        Assert.Equal(TimeSpan.FromSeconds(7), _running.SilentFor());

        exchange.ObserveResponse("x"u8, _time.GetTimestamp());
        Pass(3);
        Assert.Equal(TimeSpan.FromSeconds(3), _running.SilentFor());

        _running.Remove(_places[exchange]);
        Assert.Equal(TimeSpan.Zero, _running.SilentFor());
    }

    [Fact]
    public void An_inference_queued_in_Ollama_is_not_silent_while_another_is_answered_nor_right_after()
    {
        var waiting = Begin("POST", "/api/chat");
        waiting.EndRequest();
        var answered = Begin("POST", "/v1/messages");
        answered.EndRequest();
        Pass(100);
        answered.ObserveResponse("x"u8, _time.GetTimestamp());
        Assert.Equal(TimeSpan.Zero, _running.SilentFor());

        _running.Remove(_places[answered]);
        Pass(5);

        Assert.Equal(TimeSpan.FromSeconds(5), _running.SilentFor());
    }

    [Fact]
    public void Other_endpoints_count_neither_as_work_nor_as_progress()
    {
        var list = Begin("GET", "/api/tags");
        list.EndRequest();
        Pass(10);
        Assert.Equal(TimeSpan.Zero, _running.SilentFor());

        Begin("POST", "/api/generate").EndRequest();
        Pass(10);
        list.ObserveResponse("x"u8, _time.GetTimestamp());

        Assert.Equal(TimeSpan.FromSeconds(10), _running.SilentFor());
    }

    [Fact]
    public void A_response_that_its_client_does_not_read_is_not_silence_of_Ollama()
    {
        var exchange = Begin("POST", "/api/chat");
        exchange.EndRequest();
        exchange.Timings.BeginClientWait();
        var since = _time.GetTimestamp();
        Pass(100);
        Assert.Equal(TimeSpan.Zero, _running.SilentFor());

        exchange.Timings.EndClientWait(since);
        Pass(2);

        Assert.Equal(TimeSpan.FromSeconds(2), _running.SilentFor());
    }

    [Fact]
    public void Any_byte_is_progress_even_after_its_request_has_ended()
    {
        var before = _time.GetTimestamp();
        Pass(1);
        var exchange = Begin("GET", "/api/tags");
        exchange.ObserveResponse("x"u8, _time.GetTimestamp());
        _running.Remove(_places[exchange]);

        Assert.True(_running.HasHeardSince(before));
        Pass(1);
        Assert.False(_running.HasHeardSince(_time.GetTimestamp()));
    }

    private void Pass(int seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));

    private ExchangeInProgress Begin(string method, string target)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method;
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = target;
        var exchange = new ExchangeInProgress(context, _running, new DecoderBudget(), _time, NullLogger.Instance);
        _places[exchange] = _running.Add(exchange);
        return exchange;
    }
}
