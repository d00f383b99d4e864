using Microsoft.Extensions.Logging;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.UnitTests.Supervision;

public sealed class OllamaLineTests
{
    [Theory]
    [InlineData("time=2026-11-23T11:49:44.000Z level=INFO source=routes.go:1951 msg=\"server config\"", LogLevel.Debug)]
    [InlineData("time=2026-11-23T11:49:44.000Z level=DEBUG source=sched.go:1 msg=\"an error of a client\"", LogLevel.Debug)]
    [InlineData("time=2026-11-23T11:49:44.000Z level=WARN source=llama_server.go:1 msg=\"no longer running\"", LogLevel.Warning)]
    [InlineData("time=2026-11-23T11:49:44.000+02:00 level=ERROR source=sched.go:613 msg=\"Load failed\"", LogLevel.Error)]
    [InlineData("level=WARN msg=x", LogLevel.Warning)]
    [InlineData("{\"time\":\"2026-11-23T11:49:44Z\",\"level\":\"ERROR\",\"msg\":\"x\"}", LogLevel.Error)]
    [InlineData("{\"time\":\"2026-11-23T11:49:44Z\",\"level\":\"INFO\",\"msg\":\"x\"}", LogLevel.Debug)]
    [InlineData("2026/11/23 11:49:44 WARN the GPU is slow", LogLevel.Warning)]
    [InlineData("2026/11/23 11:49:44 INFO fine", LogLevel.Debug)]
    [InlineData("2026/11/23 11:49:44 http: panic serving 127.0.0.1:5: runtime error", LogLevel.Error)]
    [InlineData("[GIN] 2026/11/23 - 11:49:44 | 200 |   86.777949ms |       127.0.0.1 | GET      \"/api/ps\"", LogLevel.Debug)]
    [InlineData("[GIN] 2026/11/23 - 11:49:44 | 500 |   1.5s |       127.0.0.1 | POST     \"/api/chat\"", LogLevel.Debug)]
    [InlineData("[GIN-debug] [WARNING] Running in \"debug\" mode.", LogLevel.Warning)]
    [InlineData("[GIN-debug] [ERROR] listen tcp", LogLevel.Error)]
    [InlineData("[Recovery] 2026/11/23 - 11:49:44 panic recovered:", LogLevel.Error)]
    [InlineData("panic: bad origin: origins must contain '*'", LogLevel.Error)]
    [InlineData("fatal error: all goroutines are asleep - deadlock!", LogLevel.Error)]
    [InlineData("Error: listen tcp 127.0.0.1:11435: bind: address already in use", LogLevel.Error)]
    [InlineData("[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]", LogLevel.Error)]
    [InlineData("SIGABRT: abort", LogLevel.Error)]
    [InlineData("terminate called after throwing an instance of 'std::runtime_error'", LogLevel.Error)]
    [InlineData("/ggml/src/ggml.c:1234: GGML_ASSERT(ctx) failed", LogLevel.Error)]
    [InlineData("CUDA error: an illegal memory access was encountered", LogLevel.Error)]
    [InlineData("ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9 MiB on device 0: cudaMalloc failed: out of memory", LogLevel.Error)]
    [InlineData("llama_model_load: error loading model: unknown architecture", LogLevel.Error)]
    [InlineData("common_init_from_params: failed to load model 'x.gguf'", LogLevel.Error)]
    [InlineData("warning: no usable GPU found, --gpu-layers option will be ignored", LogLevel.Warning)]
    [InlineData("llama_context: warning: the context is too small", LogLevel.Warning)]
    [InlineData("0.01.234.567 W srv  init: slow", LogLevel.Warning)]
    [InlineData("0.01.234.567 E srv  init: broken", LogLevel.Error)]
    [InlineData("0.01.234.567 I srv  init: fine", LogLevel.Debug)]
    [InlineData("llama_model_loader: - kv   3: general.name str = error model", LogLevel.Debug)]
    [InlineData("srv  log_server_r: done request: POST /completion 127.0.0.1 200", LogLevel.Debug)]
    [InlineData("slot print_timing: id  0 | task 0 | n_errors = 0", LogLevel.Debug)]
    [InlineData("", LogLevel.Debug)]
    public void A_line_is_logged_at_its_own_level(string line, LogLevel level) => Assert.Equal(level, OllamaLine.LevelOf(line));

    [Theory]
    [InlineData("\u001b[31mCHILD LOG\u001b[0m", "CHILD LOG")]
    [InlineData("\u001b]0;title\u0007x\u001b]8;;http://a\u001b\\link", "xlink")]
    [InlineData("\u001b[?25lspin\u001b[2K\u001b(Bner\u001bM", "spinner")]
    [InlineData("evil\r2026 fake", "evil\ufffd2026 fake")]
    [InlineData("ends as Windows does\r", "ends as Windows does")]
    [InlineData("\trepeat_last_n = 64", " repeat_last_n = 64")]
    [InlineData("\u009b31mred\b\u0000\u202e", "red\ufffd\ufffd\ufffd")]
    public void No_control_sequence_in_a_line_reaches_the_terminal(string line, string clean) => Assert.Equal(clean, OllamaLine.Clean(line));

    [Fact]
    public async Task A_stack_trace_is_logged_and_does_not_displace_the_reason_above_it()
    {
        List<string> passed = [];
        var tail = new OutputTail(passed.Add);
        string[] stack = [.. Enumerable.Range(0, 300).SelectMany(frame => (string[])[$"main.call{frame}(0x{frame:x})", $"\t/src/main.go:{frame} +0x1f"])];

        await tail.DrainAsync(new StringReader(
            string.Join('\n', ["before", "panic: bad origin", "", "goroutine 1 [running]:", .. stack, "created by main.main in goroutine 7", "Error: after"])));

        Assert.Equal(["before", "panic: bad origin", "", "Error: after"], tail.Last(20));
        Assert.Equal(606, passed.Count);
    }
}
