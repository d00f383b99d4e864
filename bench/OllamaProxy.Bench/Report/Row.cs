using System.Globalization;
using OllamaProxy.Bench.Run;

namespace OllamaProxy.Bench.Report;

/// <summary>How the rounds of a figure are reduced to one number.</summary>
internal enum Over
{
    Median,

    /// <summary>The median of the differences to the direct connection in the same round.</summary>
    MedianAdded,

    /// <summary>The lowest value minus the lowest of the direct connection, because other programs on the machine disturb tails most.</summary>
    LowestAdded,
    Lowest,
    Sum,
}

/// <summary>A row of the table.</summary>
internal sealed record Row(string Title, string Scenario, string Figure, Over Over = Over.Median, double Scale = 1)
{
    public static IReadOnlyList<Row> All { get; } =
    [
        new("GET, 400/s: added p50, µs", "get-400", "p50_us", Over.MedianAdded),
        new("GET, 400/s: added p99, µs", "get-400", "p99_us", Over.LowestAdded),
        new("GET, 400/s: CPU, µs a request", "get-400", "cpu_us_per_unit"),
        new("GET, 32 connections: requests/s", "get-32", "per_second"),
        new("GET, 32 connections: CPU, µs a request", "get-32", "cpu_us_per_unit"),
        new("chat without stream, 2,000/s: added p50, µs", "chat-2000", "p50_us", Over.MedianAdded),
        new("chat without stream, 2,000/s: CPU, µs a request", "chat-2000", "cpu_us_per_unit"),
        new("chat without stream, 2,000/s: records written (all rounds)", "chat-2000", "written", Over.Sum),
        new("chat without stream, 2,000/s: records dropped (all rounds)", "chat-2000", "dropped", Over.Sum),
        new("chat without stream, 16 connections: requests/s", "chat-max", "per_second"),
        new("chat without stream, 16 connections: CPU, µs a request", "chat-max", "cpu_us_per_unit"),
        new("chat without stream, 16 connections: records dropped (all rounds)", "chat-max", "dropped", Over.Sum),
        new("first token, 100 streams/s: added p50, µs", "ttft", "p50_us", Over.MedianAdded),
        new("first token, 100 streams/s: added p99, µs", "ttft", "p99_us", Over.LowestAdded),
        new("token one way, 8 streams of 100/s: added p50, µs", "paced-8", "p50_us", Over.MedianAdded),
        new("token one way, 8 streams of 100/s: added p99, µs", "paced-8", "p99_us", Over.LowestAdded),
        new("token, 8 streams of 100/s: CPU, µs a token", "paced-8", "cpu_us_per_unit"),
        new("token, 8 streams of 100/s: chunks merged or split", "paced-8", "moved", Over.Sum),
        new("an engine of 1,700 tokens/s on the same CPUs: tokens/s", "engine", "per_second"),
        new("an engine of 1,700 tokens/s on the same CPUs: CPU, µs a token", "engine", "cpu_us_per_unit"),
        new("16 streams flat out: tokens/s", "flat-16", "per_second"),
        new("16 streams flat out: CPU, µs a token", "flat-16", "cpu_us_per_unit"),
        new("64 streams flat out: tokens/s", "flat-64", "per_second"),
        new("64 streams flat out: CPU, µs a token", "flat-64", "cpu_us_per_unit"),
        new("500 streams of 20/s: whole, worst round", "slow-500", "whole", Over.Lowest),
        new("500 streams of 20/s: CPU, µs a token", "slow-500", "cpu_us_per_unit"),
        new("500 streams of 20/s: token added p50, µs", "slow-500", "p50_us", Over.MedianAdded),
        new("500 streams of 20/s: memory, KiB a stream", "slow-500", "kib_per_stream"),
        new("500 streams of 20/s: peak RSS, MiB", "slow-500", "peak_mib"),
        new("2,000 streams of 20/s: whole, worst round", "slow-2000", "whole", Over.Lowest),
        new("2,000 streams of 20/s: CPU, µs a token", "slow-2000", "cpu_us_per_unit"),
        new("2,000 streams of 20/s: peak RSS, MiB", "slow-2000", "peak_mib"),
        new("upload with length: MiB/s", "upload-length", "mib_per_second"),
        new("upload with length: CPU, ms/GiB", "upload-length", "cpu_us_per_unit", Scale: 0.001),
        new("upload with length: RSS growth, MiB", "upload-length", "growth_mib"),
        new("upload in chunks: MiB/s", "upload-chunked", "mib_per_second"),
        new("upload in chunks: CPU, ms/GiB", "upload-chunked", "cpu_us_per_unit", Scale: 0.001),
        new("upload in chunks: RSS growth, MiB", "upload-chunked", "growth_mib"),
        new("client disconnects: seen upstream after, p50, ms", "disconnect", "p50_us", Scale: 0.001),
        new("client stops reading: MiB taken", "stall", "mib_taken"),
        new("start to first 200, ms", "start", "start_ms"),
        new("idle RSS, MiB", "start", "idle_mib"),
        new("executable, MiB", "start", "file_mib"),
        new("requests, streams and uploads that failed (checksums included)", "", "errors", Over.Sum),
    ];

    /// <summary>Null if it was not measured, or does not apply to this contestant.</summary>
    public double? Of(Figures figures, Contestant contestant) => Scale * (Over switch
    {
        // The direct connection has no added latency: its own value was subtracted.
        Over.MedianAdded when !contestant.IsDirect => figures.MedianAdded(Scenario, contestant.Name, Figure),
        Over.LowestAdded when !contestant.IsDirect =>
            figures.Lowest(Scenario, contestant.Name, Figure) - figures.Lowest(Scenario, Contestant.Direct.Name, Figure),
        Over.Lowest or Over.LowestAdded => figures.Lowest(Scenario, contestant.Name, Figure),
        Over.Sum when Scenario.Length == 0 => Run.Scenario.All.Sum(scenario => figures.Sum(scenario.Name, contestant.Name, Figure)),
        Over.Sum => figures.Sum(Scenario, contestant.Name, Figure),
        _ => figures.Median(Scenario, contestant.Name, Figure),
    });

    /// <summary>Formats a value with three significant digits.</summary>
    public static string Text(double? value) => value switch
    {
        null => "–",
        { } number when Math.Abs(number) >= 100 || number == Math.Truncate(number) => number.ToString("N0", CultureInfo.InvariantCulture),
        { } number when Math.Abs(number) >= 10 => number.ToString("0.0", CultureInfo.InvariantCulture),
        { } number => number.ToString("0.00", CultureInfo.InvariantCulture),
    };
}
