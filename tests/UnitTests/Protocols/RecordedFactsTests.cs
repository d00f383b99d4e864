using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>
/// Compares the facts that the readers extract from each recording with the facts file beside it, and checks that they do not depend on where the bytes are
/// cut. To accept new facts, run with UPDATE_GOLDENS=1 and read the difference.
/// </summary>
public sealed class RecordedFactsTests
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NewLine = "\n",
        Converters = { new JsonStringEnumConverter() },
    };

    public static TheoryData<string> Recordings =>
        [.. Transcript.Names.Where(
            name => Transcript.Load(name) is { Method: "POST" or "DELETE" } recording && ApiEndpoint.FromPath(recording.Target) != ApiEndpoint.Other)];

    [Theory]
    [MemberData(nameof(Recordings))]
    public void The_facts_of_a_recording_equal_its_facts_file(string name)
    {
        var recording = Transcript.Load(name);
        var facts = JsonSerializer.Serialize(FactsOf(recording, [recording.Request.Body], [recording.Response.Body]), s_json) + "\n";
        var file = Path.Combine(Transcript.Folder, $"{name}.facts.json");

        if (Update)
        {
            File.WriteAllText(file, facts);
        }

        Assert.Equal(File.ReadAllText(file), facts);
    }

    [Theory]
    [MemberData(nameof(Recordings))]
    public void Chunk_boundaries_do_not_change_the_facts(string name)
    {
        var recording = Transcript.Load(name);
        var (request, response) = (recording.Request.Body, recording.Response.Body);
        var whole = FactsOf(recording, [request], [response]);

        for (var cut = 0; cut <= request.Length; cut++)
        {
            Assert.Equal(whole.Request, FactsOf(recording, [request[..cut], request[cut..]], [response]).Request);
        }

        for (var cut = 0; cut <= response.Length; cut++)
        {
            Assert.Equal(whole.Response, ResponseFactsOf(recording, [response[..cut], response[cut..]]));
        }

        Assert.Equal(whole, FactsOf(recording, BytesOf(request), BytesOf(response)));
        var random = new Random(20261124);
        for (var round = 0; round < 20; round++)
        {
            Assert.Equal(whole, FactsOf(recording, PiecesOf(request, random), PiecesOf(response, random)));
        }
    }

#pragma warning disable RS0030 // The test's own setting, not the program's.
    private static bool Update => Environment.GetEnvironmentVariable("UPDATE_GOLDENS") == "1";
#pragma warning restore RS0030

    private static Facts FactsOf(Transcript recording, IEnumerable<byte[]> request, IEnumerable<byte[]> response)
    {
        var endpoint = ApiEndpoint.FromPath(recording.Target);
        var reader = WireProtocols.Of(endpoint).CreateRequestReader(endpoint, recording.Request.Header("Content-Type"));
        foreach (var piece in request)
        {
            reader?.Read(piece);
        }

        return new Facts(endpoint.Label, reader?.Complete(), ResponseFactsOf(recording, response));
    }

    /// <summary>Reads all bytes at one time, so that only the content counts; null for a recording without a response.</summary>
    private static ResponseFacts? ResponseFactsOf(Transcript recording, IEnumerable<byte[]> response)
    {
        if (recording.Response.StartLine.Length == 0)
        {
            return null;
        }

        var endpoint = ApiEndpoint.FromPath(recording.Target);
        var reader = WireProtocols.Of(endpoint)
            .CreateResponseReader(endpoint, new ResponseHead(recording.Response.Status, recording.Response.Header("Content-Type"), StartedTimestamp: 0));
        foreach (var piece in response)
        {
            reader?.Read(piece, timestamp: 0);
        }

        return reader?.Complete(TimeProvider.System, recording.Response.IsWhole);
    }

    private static IEnumerable<byte[]> BytesOf(byte[] body) => body.Select(value => new[] { value });

    private static IEnumerable<byte[]> PiecesOf(byte[] body, Random random)
    {
        for (var at = 0; at < body.Length;)
        {
            var length = Math.Min(body.Length - at, random.Next(1, 200));
            yield return body[at..(at + length)];
            at += length;
        }
    }

    internal sealed record Facts(string Endpoint, RequestFacts? Request, ResponseFacts? Response);
}
