using System.Globalization;
using MediatR;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Demo;

/// <summary>Counts the finished requests.</summary>
internal sealed class DemoCounter : INotificationHandler<RequestRecorded>
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _count);
        return Task.CompletedTask;
    }
}

/// <summary>A self-updating line at the bottom of the terminal; nothing without a terminal.</summary>
internal sealed class DemoStatusLine(DemoCounter ended, RunningRequests running, Uri address, TimeProvider time)
{
    private const int UsualWidth = 80;
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(500);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (Console.IsOutputRedirected)
        {
            return;
        }

        for (var shown = 0; !cancellationToken.IsCancellationRequested;)
        {
            var line = Text(ended.Count, running.Count, address, Width());
            Console.Out.Write($"\r{line.PadRight(shown)}");
            shown = line.Length;
            await Task.Delay(s_period, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Console.Out.WriteLine();
    }

    /// <summary>The line in a given width: whatever fits, the address before the numbers.</summary>
    internal static string Text(int ended, int running, Uri address, int width)
    {
        const string Separator = " · ";
        var page = $"{address}analytics";
        var numbers = $"{Amount.Of(ended, "request")}{Separator}{running.ToString(CultureInfo.InvariantCulture)} running";
        string[] choices = [string.Join(Separator, numbers, page, "Ctrl+C stops"), string.Join(Separator, numbers, page), page];
        // The last column stays free, because the cursor after it would wrap.
        return choices.FirstOrDefault(choice => choice.Length < width) ?? numbers[..Math.Clamp(width - 1, 0, numbers.Length)];
    }

    private static int Width()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : UsualWidth;
        }
        catch (IOException)
        {
            return UsualWidth;
        }
    }
}
