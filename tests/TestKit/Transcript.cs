using System.Globalization;

namespace OllamaProxy.TestKit;

/// <summary>A request to a real Ollama and its response, byte for byte. The README in tests/transcripts describes how they were recorded.</summary>
internal sealed class Transcript
{
    private Transcript(string name)
    {
        Name = name;
        RequestBytes = File.ReadAllBytes(PathOf("request"));
        ResponseBytes = File.ReadAllBytes(PathOf("response"));
        Request = HttpMessage.Parse(RequestBytes);
        Response = HttpMessage.Parse(ResponseBytes, hasBody: Method != "HEAD");
    }

    public string Name { get; }

    public byte[] RequestBytes { get; }

    public byte[] ResponseBytes { get; }

    public HttpMessage Request { get; }

    public HttpMessage Response { get; }

    public string Method => Request.StartLine.Split(' ')[0];

    public string Target => Request.StartLine.Split(' ') is [_, var target, ..] ? target : "";

    /// <summary>The recorder's reads: milliseconds since the request, and the bytes of that read.</summary>
    public IEnumerable<(TimeSpan At, byte[] Bytes)> Pieces()
    {
        var file = PathOf("time");
        if (!File.Exists(file))
        {
            return ResponseBytes.Length == 0 ? [] : [(TimeSpan.Zero, ResponseBytes)];
        }

        return
            from line in File.ReadAllLines(file)
            where line.Length > 0 && line[0] != '#'
            let columns = line.Split('\t')
            let offset = int.Parse(columns[1], CultureInfo.InvariantCulture)
            let length = int.Parse(columns[2], CultureInfo.InvariantCulture)
            where length > 0
            select (TimeSpan.FromMilliseconds(double.Parse(columns[0], CultureInfo.InvariantCulture)),
                ResponseBytes[offset..Math.Min(ResponseBytes.Length, offset + length)]);
    }

    /// <summary>All recordings, by name.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Directory.EnumerateFiles(Folder, "*.request.txt").Select(file => Path.GetFileName(file)[..^".request.txt".Length]).Order(StringComparer.Ordinal)];

    public static string Folder => Repository.PathOf("tests", "transcripts");

    public static Transcript Load(string name) => new(name);

    public string PathOf(string part) => Path.Combine(Folder, $"{Name}.{part}.txt");

    public override string ToString() => Name;
}
