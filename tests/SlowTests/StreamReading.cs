using System.Diagnostics;
using System.Net;
using System.Text;

namespace OllamaProxy.SlowTests;

/// <summary>The timing of a streamed response, as seen by the client.</summary>
/// <param name="Lines">The lines received.</param>
/// <param name="FirstAfter">The time from the request to the first line.</param>
/// <param name="LongestGap">The longest pause between two lines.</param>
/// <param name="Whole">The time from the request to the end.</param>
internal sealed record StreamReading(IReadOnlyList<string> Lines, TimeSpan FirstAfter, TimeSpan LongestGap, TimeSpan Whole)
{
    public static async Task<StreamReading> GenerateAsync(HttpClient client, string body)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var watch = Stopwatch.StartNew();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellation));
        List<string> lines = [];
        var first = TimeSpan.Zero;
        var last = TimeSpan.Zero;
        var gap = TimeSpan.Zero;
        while (await reader.ReadLineAsync(cancellation) is { } line)
        {
            var now = watch.Elapsed;
            first = lines.Count == 0 ? now : first;
            gap = lines.Count > 0 && now - last > gap ? now - last : gap;
            last = now;
            lines.Add(line);
        }

        return new StreamReading(lines, first, gap, watch.Elapsed);
    }
}
