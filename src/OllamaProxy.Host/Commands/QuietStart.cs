using System.Runtime;

namespace OllamaProxy.Host.Commands;

/// <summary>The start without a garbage collection: what is made then stays (tables of metrics, services, routes), and to look through it in the middle finds nothing to free.</summary>
internal sealed class QuietStart : IDisposable
{
    /// <summary>More than a start makes. No page is in memory before it is written to.</summary>
    private const long Room = 32 * 1024 * 1024;

    private QuietStart()
    {
    }

    public static QuietStart Begin()
    {
        try
        {
            GC.TryStartNoGCRegion(Room);
        }
        // A heap limited to less, or another start in this process.
        catch (Exception exception) when (exception is ArgumentOutOfRangeException or InvalidOperationException)
        {
        }

        return new QuietStart();
    }

    public void Dispose()
    {
        try
        {
            if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
            {
                GC.EndNoGCRegion();
            }
        }
        // It ended by itself, as there was less room than needed.
        catch (InvalidOperationException)
        {
        }
    }
}
