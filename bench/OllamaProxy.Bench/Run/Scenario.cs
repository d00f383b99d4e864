using System.Globalization;

namespace OllamaProxy.Bench.Run;

/// <summary>A measurement of the load client with its parameters.</summary>
/// <param name="Name">The name for <c>--only</c>.</param>
/// <param name="Phase">The measurement and its parameters, without port and duration.</param>
/// <param name="Seconds">The duration in a full run; 0 if it ends by itself.</param>
internal sealed record Scenario(string Name, string Phase, double Seconds)
{
    /// <summary>The number of rounds, lower for measurements that hardly vary or take long.</summary>
    public int Rounds { get; init; } = int.MaxValue;

    /// <summary>True if the counts of written and dropped records are read from <c>/metrics</c>.</summary>
    public bool IsRecorded { get; init; }

    /// <summary>Figures measured at the start of a contestant; no measurement of its own.</summary>
    public const string Start = "start";

    /// <summary>The stores with very many records, in a table of its own (<see cref="OllamaProxy.Bench.Stores.StoreBench"/>).</summary>
    public const string Stores = "stores";

    /// <summary>PostgreSQL with many more records, and without its server (<see cref="OllamaProxy.Bench.Stores.PostgresBench"/>).</summary>
    public const string Postgres = "postgres";

    /// <summary>The page of metrics (<see cref="OllamaProxy.Bench.Scrape.ScrapeBench"/>), a table of its own.</summary>
    public const string Scrape = "scrape";

    /// <summary>An hour of traffic, in a table of its own and only on request (<see cref="OllamaProxy.Bench.Soak.SoakBench"/>).</summary>
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

    /// <summary>The request line for the load client.</summary>
    public string Line(int port, int upstreamPort, bool quick)
    {
        var seconds = quick ? Math.Max(Seconds / 2, Math.Min(Seconds, 1)) : Seconds;
        return string.Create(CultureInfo.InvariantCulture, $"{Phase} port={port} upstream={upstreamPort} seconds={seconds} mib={(quick ? 256 : 1024)}");
    }
}
