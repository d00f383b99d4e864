using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.SlowTests;

/// <summary>The upload of a model file, which must not make the memory grow with its size.</summary>
public sealed class LargeUploadTests
{
    private const long Length = 2L << 30;
    private const long Kibibyte = 1024;
    private const long Mebibyte = 1024 * Kibibyte;

    [Theory(Skip = Slow.Reason, SkipType = typeof(Slow), SkipUnless = nameof(Slow.IsAskedFor))]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_gibibytes_pass_while_the_process_grows_by_less_than_20_MiB(bool chunked)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The memory of a process is read from /proc.");
        Assert.SkipUnless(Slow.IsPublished, "The test measures the memory of the published file: ./build.sh test --slow publishes it first.");
        var cancellation = TestContext.Current.CancellationToken;
        var sum = await HashAsync(cancellation);
        await using var ollama = await SimulatedOllamaServer.StartAsync(cancellationToken: cancellation);
        await using var proxy = await StoringProxy.StartAsync(ollama.Address);
        await proxy.Client.GetStringAsync("/api/version", cancellation);
        // Reset the peak, so that it covers only the upload.
        await File.WriteAllTextAsync($"/proc/{proxy.Process.Id}/clear_refs", "5", cancellation);
        var before = Status(proxy.Process.Id, "VmRSS");
        var watch = Stopwatch.StartNew();

        using var content = new StreamContent(new EndlessPattern(Length), 1 << 16);
        content.Headers.ContentLength = chunked ? null : Length;
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/blobs/sha256:{sum}") { Content = content };
        request.Headers.TransferEncodingChunked = chunked;
        using var answer = await proxy.Client.SendAsync(request, cancellation);

        var took = watch.Elapsed;
        var peak = Status(proxy.Process.Id, "VmHWM");
        var record = await proxy.RecordAsync();
        // The proxy also polls the loaded models.
        var received = ollama.Received.Single(request => request.Method == "POST");
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"before {before / Kibibyte} KiB, peak {peak / Kibibyte} KiB, growth {(peak - before) / Kibibyte} KiB; "
            + $"{took} ({Length / Mebibyte / took.TotalSeconds:F0} MiB/s)");
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal((Length, sum), (received.BodyLength, received.BodySha256));
        Assert.Equal(chunked, received.Headers.Any(header => header.Key.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)));
        Assert.InRange(peak - before, 0, 20 * Mebibyte);
        Assert.Equal(("completed", Length), (record.GetProperty("outcome").GetString(), record.GetProperty("request_bytes").GetInt64()));
    }

    private static async Task<string> HashAsync(CancellationToken cancellation)
    {
        await using var content = new EndlessPattern(Length);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancellation));
    }

    /// <summary>A line of <c>/proc/PID/status</c>, in bytes.</summary>
    private static long Status(int process, string name)
    {
        var line = File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return Kibibyte * long.Parse(line.AsSpan(name.Length + 1, line.Length - name.Length - " kB".Length - 1), NumberStyles.AllowLeadingWhite,
            CultureInfo.InvariantCulture);
    }
}
