using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

public sealed class SupervisionInterruptTests
{
    [Fact]
    public async Task Ctrl_C_during_a_stream_lets_the_stream_finish()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent with kill.");
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await UpstreamAsync(released.Task);
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?> { ["OLLAMA_BACKEND_URL"] = upstream.Urls.First() });
        using var client = new HttpClient();
        using var response = await client.GetAsync(new Uri(proxy.Address, "/stream"), HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("first", await lines.ReadLineAsync());

        await proxy.SignalAsync("INT", group: true);
        await Eventually.TrueAsync(async () => await SupervisionShutdownTests.IsRefusedAsync(client, proxy.Address));
        released.SetResult();

        Assert.Equal("last", await lines.ReadLineAsync());
        Assert.Null(await lines.ReadLineAsync());
        Assert.Equal(0, await proxy.ExitAsync());
    }

    /// <summary>An upstream that sends a line, waits until it is released, and sends another.</summary>
    private static async Task<WebApplication> UpstreamAsync(Task released)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(async context =>
        {
            await context.Response.WriteAsync("first\n");
            await context.Response.Body.FlushAsync();
            await released;
            await context.Response.WriteAsync("last\n");
        });
        await app.StartAsync();
        return app;
    }
}
