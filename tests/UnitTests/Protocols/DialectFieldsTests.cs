using System.Globalization;
using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>
/// Every field that Ollama's own source reads and writes (api/types.go, the openai and anthropic packages and their middleware), and those that clouds and
/// clients add, with the facts that the readers extract. Fields that only configure the model give no fact; they are listed so that none is missed.
/// </summary>
public sealed class DialectFieldsTests
{
    public static TheoryData<string, string, string> NativeRequests => Table(
        """
        /api/generate
          {"model":"a"} => model=a
          {"prompt":"hello"} => prompt=hello bytes=5
          {"suffix":"end"} => bytes=3
          {"system":"brief"} => system=brief bytes=5
          {"template":"{{ .Prompt }}","context":[1,2],"raw":true,"format":"json","think":"high"} => -
          {"format":{"type":"object","properties":{"prompt":{"type":"string"}}},"truncate":false,"shift":true,"logprobs":true,"top_logprobs":3} => -
          {"stream":true} => stream=True
          {"stream":null} => -
          {"keep_alive":-1} => keep=-1
          {"keep_alive":"5m"} => keep=5m
          {"keep_alive":1.5} => keep=1.5
          {"keep_alive":null} => -
          {"images":["QUJD","QUJD"]} => images=2
          {"images":null} => -
          {"options":{"num_ctx":8192,"num_keep":4,"num_predict":-2,"temperature":0.7,"seed":1,"top_k":2,"top_p":1,"stop":["x"],"num_gpu":9,"num_batch":1}}
            => context=8192 kept=4 max=-2 temperature=0.7
          {"options":null,"_debug_render_only":false,"width":1,"height":1,"steps":1} => -
          {"prompt":"hello","messages":[{"role":"user","content":"no"}],"input":"no","tools":[{}]} => prompt=hello bytes=5
        /api/chat
          {"prompt":"no","messages":[{"role":"user","content":"hello"}],"input":"no","system":"no","suffix":"no","images":["QUJD"]}
            => prompt=hello bytes=5 messages=1
          {"messages":[{"role":"SYSTEM","content":"brief"},{"role":"User","content":"hello"}]} => prompt=hello system=brief bytes=10 messages=2
          {"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":"ok","thinking":"hm"}]} => prompt=hello bytes=9 messages=2
          {"messages":[{"role":"user","content":"hello"},{"role":"tool","content":"42","tool_name":"f","tool_call_id":"c"}]} => prompt=hello bytes=7 messages=2
          {"messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"index":0,"name":"f","arguments":{"content":"x"}}}]}]} => prompt= messages=1
          {"messages":[{"role":"user","content":"see","images":["QUJD"]}]} => prompt=see bytes=3 messages=1 images=1
          {"tools":[{"type":"function","function":{"name":"f","parameters":{"tools":[1,2]}}},{"type":"function"}]} => tools=2
        /api/embed
          {"model":"a","input":"one","dimensions":3,"truncate":true} => model=a prompt=one bytes=3
          {"input":["one","three"],"keep_alive":0} => prompt=one bytes=8 keep=0
          {"prompt":"no","input":"one","messages":[{"role":"user","content":"no"}]} => prompt=one bytes=3
        /api/embeddings
          {"model":"a","prompt":"one"} => model=a prompt=one bytes=3
        /api/show
          {"name":"a","verbose":true} => model=a
        /api/pull
          {"model":"a","name":"b","insecure":true} => model=a
        """);

    public static TheoryData<string, string, string> OpenAiRequests => Table(
        """
        /v1/chat/completions
          {"model":"a","stream":true,"stream_options":{"include_usage":true},"n":2,"user":"u"} => model=a stream=True
          {"messages":[{"role":"developer","content":"brief"},{"role":"user","content":"hello","name":"n"}]} => prompt=hello system=brief bytes=10 messages=2
          {"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]}
            => prompt=see bytes=3 messages=1 images=1
          {"messages":[{"role":"user","content":[{"image_url":"data:;base64,AA","type":"image_url"},{"type":"input_audio","input_audio":{"data":"AA",
            "format":"wav"}}]}]}
            => prompt= messages=1 images=1
          {"messages":[{"role":"assistant","content":null,"reasoning":"hm","tool_calls":[{"id":"c","type":"function","function":{"name":"f",
            "arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"42"}]}
            => prompt=42 bytes=4 messages=2
          {"prompt":"no","messages":[{"role":"user","content":"hello"}],"input":"no","suffix":"no"} => prompt=hello bytes=5 messages=1
          {"max_tokens":7} => max=7
          {"max_completion_tokens":8} => max=8
          {"max_tokens":7,"max_completion_tokens":8} => max=7
          {"max_completion_tokens":8,"max_tokens":null} => max=8
          {"temperature":1} => temperature=1
          {"tools":[{"type":"function"}],"tool_choice":{"type":"function"},"parallel_tool_calls":true} => tools=1
          {"functions":[{"name":"f"},{"name":"g"}],"function_call":"auto"} => tools=2
          {"seed":1,"stop":["a"],"frequency_penalty":1,"presence_penalty":1,"top_p":1,"logprobs":true,"top_logprobs":2,"_debug_render_only":false} => -
          {"response_format":{"type":"json_schema","json_schema":{"schema":{"model":"no"}}},"reasoning":{"effort":"low"},"reasoning_effort":"high"} => -
        /v1/completions
          {"prompt":"hello","suffix":"end","max_tokens":3,"logprobs":1,"echo":true,"best_of":1} => prompt=hello bytes=8 max=3
          {"prompt":["one","three"]} => prompt=one bytes=8
          {"messages":[{"role":"user","content":"no"}],"prompt":"hello","input":"no"} => prompt=hello bytes=5
        /v1/embeddings
          {"model":"a","input":"one","dimensions":3,"encoding_format":"base64"} => model=a prompt=one bytes=3
          {"input":["one","three"]} => prompt=one bytes=8
          {"input":[1,2,3]} => -
        /v1/responses
          {"model":"a","input":"hello","instructions":"brief","stream":false} => model=a prompt=hello system=brief stream=False bytes=10
          {"input":[{"role":"developer","content":"brief"},{"type":"message","role":"user","content":[{"type":"input_text","text":"see"},{"type":"input_image",
            "image_url":"data:,","detail":"low"}]}]}
            => prompt=see system=brief bytes=8 messages=2 images=1
          {"input":[{"role":"user","content":"hello"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ok"}]}]}
            => prompt=hello bytes=7 messages=2
          {"input":[{"role":"user","content":"hello"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output",
            "call_id":"c","output":"42"}]}
            => prompt=hello bytes=7 messages=3
          {"input":[{"role":"user","content":"hello"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"42"},
            {"type":"input_image","image_url":"data:,"}]}]}
            => prompt=hello bytes=7 messages=2 images=1
          {"input":[{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"hmm"},{"role":"user","content":"hello"}]}
            => prompt=hello bytes=8 messages=2
          {"tools":[{"type":"function","name":"f","parameters":{}},{"type":"web_search"},{"type":"namespace","name":"n","tools":[{"type":"function"},
            {"type":"function"}]}]}
            => tools=4
          {"max_output_tokens":9,"temperature":0.2} => max=9 temperature=0.2
          {"text":{"format":{"type":"json_schema","schema":{"input":"no"}}},"reasoning":{"effort":"low"},"truncation":"auto","include":["x"],"store":true,
            "top_p":1,"background":false,"conversation":null}
            => -
        """);

    public static TheoryData<string, string, string> AnthropicRequests => Table(
        """
        /v1/messages
          {"model":"a","max_tokens":9,"stream":true,"temperature":0.5} => model=a stream=True max=9 temperature=0.5
          {"system":"brief"} => system=brief bytes=5
          {"system":[{"type":"text","text":"be","cache_control":{"type":"ephemeral"}},{"type":"text","text":"brief"}]} => system=be\nbrief bytes=7
          {"messages":[{"role":"USER","content":"hello"}]} => prompt=hello bytes=5 messages=1
          {"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image","source":{"type":"base64","media_type":"image/png",
            "data":"AA"}}]}]}
            => prompt=see bytes=3 messages=1 images=1
          {"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"tool_use",
            "id":"t","name":"Read","input":{"type":"image"}}]}]}
            => prompt=hello bytes=7 messages=2
          {"messages":[{"role":"user","content":"hello"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"42"}]}]}
            => prompt=hello bytes=7 messages=2
          {"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"42"},{"source":{"type":"base64","data":"AA"},
            "type":"image"}]},{"type":"text","text":"hello"}]}]}
            => prompt=hello bytes=7 messages=1 images=1
          {"messages":[{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}},
            {"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"t","url":"u"}]}]}]}
            => prompt= messages=1
          {"tools":[{"name":"Read","input_schema":{"type":"object"}},{"type":"web_search_20250305","name":"web_search","max_uses":3}],
            "tool_choice":{"type":"auto"}}
            => tools=2
          {"thinking":{"type":"enabled","budget_tokens":5},"output_config":{"effort":"high"},"metadata":{"user_id":"u"},"top_p":1,"top_k":1,
            "stop_sequences":["x"]}
            => -
        """);

    public static TheoryData<string, string, string> Answers => Table(
        """
        /api/generate
          {"model":"a","created_at":"2026-01-01T00:00:00Z","response":"hello","done":true} => model=a text=hello
          {"thinking":"hm","done":true} => thinking=hm
          {"tool_calls":[{"function":{"name":"f","arguments":{"x":1}}}],"done":true} => calls=[{"name":"f","arguments":{"x":1}}]
          {"tool_calls":[{"function":{"name":"f","arguments":"{\"x\":1}"}}],"done":true} => calls=[{"name":"f","arguments":{"x":1}}]
          {"tool_calls":[{"function":{"name":"f","arguments":null}}],"done":true} => calls=[{"name":"f","arguments":{}}]
          {"done":true,"done_reason":"length","context":[1,2]} => finish=length
          {"done":true,"done_reason":"load"} => finish=load no inference
          {"total_duration":400,"load_duration":100,"prompt_eval_count":7,"prompt_eval_duration":200,"eval_count":3,"eval_duration":300,"done":true}
            => in=7 out=3 total=4 load=1 prompt=2 eval=3
          {"prompt_eval_count":7,"prompt_eval_cached_count":0,"done":true} => in=7 cached=0
          {"remote_model":"b","remote_host":"h","logprobs":[{"token":"x","logprob":-1}],"done":true} => -
          {"_debug_info":{"rendered_template":"x"},"done":false} => no inference
          {"error":"boom"} => error=boom
          {"error":{"message":"boom","code":1},"status":400} => error=boom
        /api/chat
          {"message":{"role":"assistant","content":"hello","thinking":"hm","images":["AA"],"tool_name":"t"},"done":true} => text=hello thinking=hm
          {"message":{"tool_calls":[{"id":"c","function":{"index":0,"name":"f","arguments":{}}}]},"done":true} => calls=[{"name":"f","arguments":{}}]
        /api/embed
          {"model":"a","embeddings":[[1,2]],"total_duration":400,"load_duration":100,"prompt_eval_count":7} => model=a in=7 total=4 load=1
          {"model":"a","embeddings":[]} => model=a no inference
        /api/embeddings
          {"embedding":[1,2]} => -
        /v1/chat/completions
          {"id":"x","object":"chat.completion","model":"a","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}
            => model=a text=hello finish=stop
          {"choices":[{"message":{"content":[{"type":"text","text":"hello"}]}}]} => text=hello
          {"choices":[{"message":{"content":null,"refusal":"no"}}]} => text=no
          {"choices":[{"message":{"reasoning":"hm"}}]} => thinking=hm
          {"choices":[{"message":{"reasoning_content":"hm"}}]} => thinking=hm
          {"choices":[{"message":{"thinking":"hm"}}]} => thinking=hm
          {"choices":[{"message":{"reasoning":"","reasoning_content":"hm","thinking":"hm"}}]} => thinking=hm
          {"choices":[{"message":{"tool_calls":[{"id":"c","index":0,"type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}}]}
            => calls=[{"name":"f","arguments":{"x":1}}]
          {"choices":[{"message":{"tool_calls":[{"function":{"arguments":{"x":{"y":[1,"}"]}},"name":"f"}}]}}]}
            => calls=[{"name":"f","arguments":{"x":{"y":[1,"}"]}}}]
          {"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":null}}]}}]} => calls=[{"name":"f","arguments":{}}]
          {"choices":[{"message":{"content":null,"function_call":{"name":"f","arguments":"{\"x\":1}"}},"finish_reason":"function_call"}]}
            => calls=[{"name":"f","arguments":{"x":1}}] finish=function_call
          {"choices":[{"message":{"content":"a","function_call":null,"tool_calls":null},"logprobs":{"content":[{"token":"b"}]}}],"system_fingerprint":"f",
            "service_tier":"x"}
            => text=a
          {"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"completion_tokens_details":{"reasoning_tokens":2}}} => in=7 out=3
          {"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}}} => in=7 cached=0
          {"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":5}}} => in=7 cached=5
          {"usage":{"prompt_tokens":7,"prompt_tokens_details":null}} => in=7
          {"choices":[],"_debug_info":{"rendered_template":"x"}} => no inference
          {"error":{"message":"boom","type":"api_error","param":null,"code":null}} => error=boom
          {"error":"boom","signin_url":"u"} => error=boom
        /v1/completions
          {"choices":[{"text":"hello","index":0,"finish_reason":"length"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}
            => text=hello finish=length in=7 out=3
          {"choices":[{"text":"","finish_reason":"load"}]} => finish=load no inference
        /v1/embeddings
          {"object":"list","data":[{"embedding":"AA","index":0}],"model":"a","usage":{"prompt_tokens":7,"total_tokens":7}} => model=a in=7
        /v1/responses
          {"model":"a","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hello"}]}]}
            => model=a text=hello finish=completed
          {"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}} => finish=max_output_tokens
          {"output":[{"content":[{"type":"refusal","refusal":"no"}],"type":"message"}]} => text=no
          {"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"content":[{"type":"reasoning_text","text":"hmm"}],
            "encrypted_content":"hm"}]}
            => thinking=hm
          {"output":[{"content":[{"text":"hmm","type":"reasoning_text"}],"summary":[],"type":"reasoning"},{"type":"message","content":[{"text":"ok"}]}]}
            => text=ok thinking=hmm
          {"output":[{"type":"function_call","id":"i","call_id":"c","name":"f","arguments":"{\"x\":1}"},{"type":"web_search_call","action":{"type":"search",
            "query":"q"}}]}
            => calls=[{"name":"f","arguments":{"x":1}}]
          {"output":[{"arguments":"{}","name":"m","type":"mcp_call"}]} => -
          {"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":0},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":0},
            "total_tokens":10}}
            => in=7 cached=0 out=3
          {"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":5}}} => in=7 cached=5
          {"error":{"code":"server_error","message":"boom"},"usage":null,"incomplete_details":null} => error=boom
          {"instructions":"i","tools":[{"name":"f"}],"text":{"format":{"type":"text"}},"reasoning":{"summary":"s"},"metadata":{"model":"no"}} => -
        /v1/audio/transcriptions
          {"text":"hello"} => text=hello
        /v1/messages
          {"id":"m","type":"message","role":"assistant","model":"a","content":[{"type":"text","text":"hello","citations":[{"title":"t","cited_text":"c"}]}],
            "stop_reason":"end_turn","stop_sequence":null}
            => model=a text=hello finish=end_turn
          {"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"AA"}]} => thinking=hm
          {"content":[{"type":"tool_use","id":"t","name":"f","input":{"x":1}}]} => calls=[{"name":"f","arguments":{"x":1}}]
          {"usage":{"input_tokens":7,"output_tokens":3,"service_tier":"standard","server_tool_use":{"web_search_requests":1}}} => in=7 out=3
          {"usage":{"input_tokens":1,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":3}} => in=7 cached=4 out=3
          {"usage":{"input_tokens":7,"cache_read_input_tokens":0,"cache_creation_input_tokens":null}} => in=7 cached=0
          {"type":"error","error":{"type":"overloaded_error","message":"boom"},"request_id":"r"} => error=boom
        """);

    [Theory]
    [MemberData(nameof(NativeRequests))]
    public void A_field_of_a_request_in_ollamas_own_api(string path, string body, string facts) => AssertRequest(path, body, facts);

    [Theory]
    [MemberData(nameof(OpenAiRequests))]
    public void A_field_of_a_request_in_openais_api(string path, string body, string facts) => AssertRequest(path, body, facts);

    [Theory]
    [MemberData(nameof(AnthropicRequests))]
    public void A_field_of_a_request_in_anthropics_api(string path, string body, string facts) => AssertRequest(path, body, facts);

    [Fact]
    public void A_field_of_a_form_with_audio()
    {
        const string Form = "--x\r\nContent-Disposition: form-data; name=\"{0}\"\r\n\r\n{1}\r\n--x--\r\n";
        (string, string)[] facts = [("model", "model=v"), ("prompt", "prompt=v bytes=1")];
        string[] others = ["language", "response_format", "temperature", "timestamp_granularities[]", "file"];
        foreach (var (name, fact) in facts.Concat(others.Select(other => (other, ""))))
        {
            var body = Encoding.UTF8.GetBytes(string.Format(CultureInfo.InvariantCulture, Form, name, "v"));
            var summary = Format(Facts.OfRequest(ApiEndpoint.FromPath("/v1/audio/transcriptions"), [body], "multipart/form-data; boundary=x"));
            Assert.Equal((name, fact), (name, summary));
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void A_field_of_an_answer(string path, string body, string facts)
    {
        Assert.All(Facts.EveryWay(ApiEndpoint.FromPath(path), body), answer => Assert.Equal(facts, Format(answer)));
    }

    [Theory]
    [InlineData("""{"input_tokens":9}""", """{"input_tokens":7,"output_tokens":3}""", "in=7 out=3")]
    [InlineData("""{"input_tokens":7,"output_tokens":1}""", """{"output_tokens":3}""", "in=7 out=3")]
    [InlineData("""{"input_tokens":9}""", null, "")]
    [InlineData(
        """{"input_tokens":1,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":1}""",
        """{"output_tokens":3}""",
        "in=7 cached=4 out=3")]
    [InlineData("""{"input_tokens":1,"cache_read_input_tokens":4,"cache_creation_input_tokens":2}""", null, "in=7 cached=4")]
    [InlineData(
        """{"input_tokens":9,"cache_read_input_tokens":9}""",
        """{"input_tokens":1,"cache_read_input_tokens":6,"output_tokens":3}""",
        "in=7 cached=6 out=3")]
    [InlineData(
        """{"input_tokens":7,"cache_read_input_tokens":0}""",
        """{"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":3}""",
        "in=7 cached=0 out=3")]
    public void The_last_token_counts_of_an_anthropic_stream_win(string start, string? end, string facts)
    {
        var stream = $$$"""data: {"type":"message_start","message":{"model":"a","content":[],"usage":{{{start}}}}}""" + "\n\n";
        stream += end is null ? "" : $$$"""data: {"type":"message_delta","delta":{},"usage":{{{end}}}}""" + "\n\ndata: {\"type\":\"message_stop\"}\n\n";

        Assert.All(Facts.EveryWay(ApiEndpoint.AnthropicMessages, stream), answer => Assert.Equal(facts, Format(answer with { Model = null })));
    }

    /// <summary>Rows of a body and its facts under their path. A body may continue on the next line; <c>-</c> marks a field without a fact.</summary>
    private static TheoryData<string, string, string> Table(string text)
    {
        var table = new TheoryData<string, string, string>();
        var (path, row) = ("", "");
        foreach (var line in text.Split('\n').Select(line => line.Trim()))
        {
            if (line.StartsWith('/'))
            {
                path = line;
            }
            else if ((row += line).Split("=> ") is [var body, var facts])
            {
                table.Add(path, body.Trim(), facts == "-" ? "" : facts.Replace("\\n", "\n", StringComparison.Ordinal));
                row = "";
            }
        }

        return table;
    }

    private static void AssertRequest(string path, string body, string facts)
    {
        var (endpoint, bytes) = (ApiEndpoint.FromPath(path), Encoding.UTF8.GetBytes(body));

        Assert.Equal(facts, Format(Facts.OfRequest(endpoint, [bytes])));
        Assert.Equal(facts, Format(Facts.OfRequest(endpoint, bytes.Select(value => new[] { value }))));
    }

    private static string Format(RequestFacts facts) => Format(
        ("model", facts.Model),
        ("prompt", facts.Prompt),
        ("system", facts.System),
        ("stream", facts.Stream),
        ("bytes", facts.TextLength),
        ("messages", facts.MessageCount),
        ("images", facts.ImageCount),
        ("tools", facts.ToolCount),
        ("context", facts.ContextLength),
        ("kept", facts.KeptTokens),
        ("max", facts.MaxTokens),
        ("temperature", facts.Temperature),
        ("keep", facts.KeepAlive));

    /// <summary>Writes durations in ticks of 100 ns.</summary>
    private static string Format(ResponseFacts facts) => (Format(
        ("model", facts.Model),
        ("text", facts.Text),
        ("thinking", facts.Thinking),
        ("calls", facts.ToolCalls),
        ("finish", facts.FinishReason),
        ("in", facts.Usage.PromptTokens),
        ("cached", facts.Usage.CachedPromptTokens),
        ("out", facts.Usage.CompletionTokens),
        ("total", facts.Usage.TotalDuration?.Ticks),
        ("load", facts.Usage.LoadDuration?.Ticks),
        ("prompt", facts.Usage.PromptEvalDuration?.Ticks),
        ("eval", facts.Usage.EvalDuration?.Ticks),
        ("error", facts.Error)) + (facts.IsInference ? "" : " no inference")).TrimStart();

    private static string Format(params (string Name, object? Value)[] facts) =>
        string.Join(' ', facts.Where(fact => fact.Value is not null).Select(fact => string.Create(CultureInfo.InvariantCulture, $"{fact.Name}={fact.Value}")));
}
