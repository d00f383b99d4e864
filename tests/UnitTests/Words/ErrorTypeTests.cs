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
    public void An_error_has_the_type_that_names_its_source(ExchangeOutcome outcome, int? status, string? error, ErrorType type)
    {
        Assert.Equal(type, ErrorTypes.Of(Exchange(outcome, status, error)));
    }

    [Theory]
    [InlineData("llama runner process has terminated: error loading model: unable to allocate CUDA0 buffer")]
    [InlineData("llama runner process has terminated: error loading model: unable to allocate backend buffer")]
    [InlineData("llama-server reported out-of-memory during startup: ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory")]
    [InlineData("ggml_vulkan: Device memory allocation of size 1048576 failed.")]
    [InlineData("llama-server process has terminated: ggml_gallocr_reserve_n_impl: failed to allocate ROCm0 buffer of size 1073741824")]
    [InlineData("llama-server process has terminated: llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers")]
    [InlineData("ROCm error: hipMalloc failed")]
    [InlineData("ROCm error: hipErrorOutOfMemory")]
    [InlineData("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")]
    [InlineData("ggml_vulkan: Device memory allocation of size 1048576 failed.\nggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory")]
    [InlineData("VK_ERROR_OUT_OF_DEVICE_MEMORY")]
    [InlineData("vk::Device::allocateMemory: ErrorOutOfHostMemory")]
    [InlineData("error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)")]
    [InlineData("mlx runner failed: [metal::malloc] Attempting to allocate 34359738368 bytes which is greater than the maximum allowed buffer size")]
    [InlineData("model requires 20.1 GB but only 8.0 GB are available (after 1.0 GB overhead)")]
    [InlineData("terminate called after throwing an instance of 'std::bad_alloc'")]
    [InlineData("fork/exec /usr/lib/ollama/llama-server: cannot allocate memory")]
    [InlineData("not enough vram available to load any model layers")]
    [InlineData("CUDA error: cudaErrorMemoryAllocation")]
    [InlineData("The paging file is too small for this operation to complete.")]
    [InlineData("memory layout cannot be allocated with num_gpu = 99")]
    public void Out_of_memory_is_recognized_in_the_messages_of_every_runner(string error)
    {
        Assert.Equal(ErrorType.OutOfMemory, ErrorTypes.Of(Exchange(ExchangeOutcome.UpstreamError, 500, error)));
        Assert.Equal(ErrorType.OutOfMemory, ErrorTypes.Of(Exchange(ExchangeOutcome.UpstreamError, 200, error)));
        Assert.Equal(ErrorType.OutOfMemory, ErrorTypes.Of(Exchange(ExchangeOutcome.UpstreamError, 500, error.ToUpperInvariant())));
    }

    [Theory]
    [InlineData(400, "the prompt is longer than the context length currently available to the model; shorten the prompt", ErrorType.ContextOverflow)]
    [InlineData(500, "input after truncation exceeds maximum context length", ErrorType.ContextOverflow)]
    [InlineData(500, "input (600 tokens) is too large to process. increase the physical batch size (current batch size: 512)", ErrorType.ContextOverflow)]
    [InlineData(400, "{\"error\":{\"code\":400,\"message\":\"too much\",\"type\":\"exceed_context_size_error\"}}", ErrorType.ContextOverflow)]
    [InlineData(400, "prompt is too long: 210000 tokens > 200000 maximum", ErrorType.ContextOverflow)]
    [InlineData(500, "could not find a KV slot for the batch (try reducing the size of the batch or increase the context)", ErrorType.ContextOverflow)]
    [InlineData(500, "context deadline exceeded", ErrorType.UpstreamError)]
    [InlineData(404, "model \"a\" not found, try pulling it first", ErrorType.ModelNotFound)]
    [InlineData(200, "pull model manifest: file does not exist", ErrorType.ModelNotFound)]
    [InlineData(500, "model 'a' not found", ErrorType.ModelNotFound)]
    [InlineData(500, "llama-server binary not found (checked: /usr/lib/ollama)", ErrorType.UpstreamError)]
    [InlineData(500, "server busy, please try again.  maximum pending requests exceeded", ErrorType.Busy)]
    [InlineData(200, "Overloaded", ErrorType.Busy)]
    [InlineData(529, null, ErrorType.Busy)]
    [InlineData(499, "request canceled", ErrorType.UpstreamError)]
    [InlineData(500, "invalid format: \"yaml\"; expected \"json\" or a valid JSON Schema object", ErrorType.BadRequest)]
    [InlineData(404, null, ErrorType.NotFound)]
    public void An_error_is_recognized_by_its_message_under_any_status(int status, string? error, ErrorType type)
    {
        Assert.Equal(type, ErrorTypes.Of(Exchange(ExchangeOutcome.UpstreamError, status, error)));
    }

    [Fact]
    public void A_success_has_no_error_type()
    {
        Assert.Null(ErrorTypes.Of(Exchange(ExchangeOutcome.Completed, 200, null)));
    }

    [Fact]
    public void A_404_without_a_model_is_an_unknown_path()
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
