using System.Globalization;

namespace OllamaProxy.Bench.Load;

/// <summary>
/// The load client as a process of its own. Each line of standard input requests a measurement; its results are a line of standard output.
/// </summary>
internal static class LoadProcess
{
    public static int Run()
    {
        while (Console.In.ReadLine() is { } line)
        {
            // Collect between measurements, so that no collection happens within one.
            GC.Collect();
            using var phase = Create(PhaseRequest.Parse(line));
            phase.Run();
            phase.Results["errors"] = phase.Errors;
            Console.Out.WriteLine(
                string.Join(' ', phase.Results.Select(result => string.Create(CultureInfo.InvariantCulture, $"{result.Key}={result.Value}"))));
        }

        return 0;
    }

    private static Phase Create(PhaseRequest request) => request.Name switch
    {
        "get" => new RequestPhase(request, isChat: false),
        "chat" => new RequestPhase(request, isChat: true),
        "paced" or "flat" or "engine" or "ttft" => new StreamPhase(request),
        "upload-length" or "upload-chunked" => new UploadPhase(request),
        "disconnect" => new DisconnectPhase(request),
        "stall" => new StallPhase(request),
        _ => throw new ArgumentException($"There is no measurement \"{request.Name}\"."),
    };
}
