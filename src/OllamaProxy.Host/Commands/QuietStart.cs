using System.Runtime;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// Suppresses garbage collection during the start: its allocations stay (metric tables, services, routes), so a collection would free nothing.
/// </summary>
internal sealed class QuietStart : IDisposable
{
    /// <summary>More than a start allocates. Pages take no memory until they are written.</summary>
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
        // The heap limit is lower, or another start runs in this process.
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
        // The runtime already ended the region, because the room was too small.
        catch (InvalidOperationException)
        {
        }
    }
}
