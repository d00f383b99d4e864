using System.Globalization;

namespace OllamaProxy.Bench.Run;

/// <summary>A measurement of the load client with its numbers.</summary>
/// <param name="Name">As <c>--only</c> knows it.</param>
/// <param name="Phase">The measurement and its numbers, without port and length.</param>
/// <param name="Seconds">How long it takes in a full run; 0 for what ends by itself.</param>
internal sealed record Scenario(string Name, string Phase, double Seconds)
{
    /// <summary>Measured in so many rounds only: what hardly varies, or takes long.</summary>
    public int Rounds { get; init; } = int.MaxValue;

    /// <summary>Whether <c>/metrics</c> is asked how many records were written and dropped.</summary>
    public bool IsRecorded { get; init; }

    /// <summary>Figures that the start of a contestant gives; no measurement of their own.</summary>
    public const string Start = "start";

    /// <summary>The stores with very many records (<see cref="OllamaProxy.Bench.Stores.StoreBench"/>), a table of its own.</summary>
    public const string Stores = "stores";

    /// <summary>PostgreSQL with many more records, and without its server (<see cref="OllamaProxy.Bench.Stores.PostgresBench"/>).</summary>
    public const string Postgres = "postgres";

    /// <summary>The page of metrics (<see cref="OllamaProxy.Bench.Scrape.ScrapeBench"/>), a table of its own.</summary>
    public const string Scrape = "scrape";

    /// <summary>An hour of traffic (<see cref="OllamaProxy.Bench.Soak.SoakBench"/>), a table of its own; only when asked for.</summary>
    public const string Soak = "soak";

    /// <summary>What <c>--only</c> knows beside the measurements.</summary>
    public static IReadOnlyList<string> Others { get; } = [Start, Stores, Postgres, Scrape, Soak];

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("get-400", "get rate=400 connections=8", 2.5),
        new("get-32", "get rate=0 connections=32", 1.5),
        new("chat-2000", "chat rate=2000 connections=16", 2) { IsRecorded = true },
        new("chat-max", "chat rate=0 connections=16", 1.5) { IsRecorded = true },
        new("ttft", "ttft streams=2 rate=100", 2),
        new("paced-8", "paced streams=8 rate=100", 2.5),
        new("single", "paced streams=1 rate=50", 2) { Rounds = 3 },
        new("engine", "engine streams=1 rate=1700", 2),
        new("flat-16", "flat streams=16 rate=0", 1.2),
        new("flat-64", "flat streams=64 rate=0", 1.2),
        new("slow-500", "paced streams=500 rate=20", 2.5),
        new("slow-2000", "paced streams=2000 rate=20", 2.5) { Rounds = 3 },
        new("upload-length", "upload-length", 0),
        new("upload-chunked", "upload-chunked", 0) { Rounds = 3 },
        new("disconnect", "disconnect times=15", 0) { Rounds = 3 },
        new("stall", "stall", 3) { Rounds = 3 },
    ];

    /// <summary>The line for the load client.</summary>
    public string Line(int port, int upstreamPort, bool quick)
    {
        var seconds = quick ? Math.Max(Seconds / 2, Math.Min(Seconds, 1)) : Seconds;
        return string.Create(CultureInfo.InvariantCulture, $"{Phase} port={port} upstream={upstreamPort} seconds={seconds} mib={(quick ? 256 : 1024)}");
    }
}
