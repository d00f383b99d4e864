using System.Text.Json;
using Microsoft.Extensions.Logging;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.UnitTests.Logging;

public sealed class JsonLogTests
{
    private readonly JsonLog _json = new();

    [Fact]
    public void A_request_is_a_flat_object_without_unknown_values()
    {
        const string Begin = "{'time':'2026-11-30T12:42:43.514Z','level':'info','msg':'request','method':'POST','path':'/api/chat','endpoint':'chat',";

        Assert.Equal(
            $"{Begin}'model':'qwen3:8b','status':200,'outcome':'completed','input_tokens':30,'output_tokens':58,'tokens_per_second':61.4,'duration_ms':2500,"
            + "'time_to_first_token_ms':180,'application':'open-webui','client':'192.168.1.20','request_id':'0123456789abcdef0123456789abcdef'}",
            Readable(LogLines.Of(_json, LogLines.Chat)));
        Assert.Equal(
            $"{Begin}'model':'nope:latest','status':404,'outcome':'upstream_error','error_type':'model_not_found','duration_ms':4.6,"
            + "'application':'curl','client':'192.168.1.20','request_id':'0123456789abcdef0123456789abcdef'}",
            Readable(LogLines.Of(_json, LogLines.Missing)));
    }

    [Fact]
    public void A_message_has_named_values_and_no_template()
    {
        var line = LogLines.Of(
            _json, "Ollama 0.9 answers.", new("Version", "0.9"), new("ProcessId", 7), new("Seconds", 1.5), new("IsLate", true), new("Level", "mine"),
            new("Unknown", null), new("{OriginalFormat}", "Ollama {Version} answers."));

        Assert.Equal(
            "{'time':'2026-11-30T12:42:43.514Z','level':'warn','msg':'Ollama 0.9 answers.','logger':'OllamaProxy.Something','version':'0.9',"
            + "'process_id':7,'seconds':1.5,'is_late':true,'level_value':'mine'}",
            Readable(line));
    }

    [Fact]
    public void A_value_that_is_the_whole_message_is_not_repeated()
    {
        var line = LogLines.Of(_json, "same", new KeyValuePair<string, object?>("Line", "same"));

        Assert.EndsWith("'msg':'same','logger':'OllamaProxy.Something'}", Readable(line), StringComparison.Ordinal);
    }

    [Fact]
    public void Any_text_in_a_line_leaves_it_one_line_of_valid_json()
    {
        const string Evil = "a\"\\\e[2J\r\nfake\u0000\u009b\u202e\u2028\ud800 🦙";
        string[] lines =
        [
            LogLines.Of(_json, LogLines.Chat with { Method = Evil, Target = Evil, Model = Evil, Application = Evil, ClientIp = Evil }),
            LogLines.Of(_json, LogLevel.Error, Evil, new IOException(Evil)),
            LogLines.Of(_json, "x", new KeyValuePair<string, object?>("Line", Evil)),
        ];

        Assert.All(lines, line =>
        {
            using var parsed = JsonDocument.Parse(line);
            Assert.DoesNotContain(parsed.RootElement.EnumerateObject(),
                part => part.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.Null);
            Assert.DoesNotContain(line, character => char.IsControl(character) || character is '\u202e' or '\u2028');
        });
    }

    private static string Readable(string json) => json.Replace('"', '\'');
}
