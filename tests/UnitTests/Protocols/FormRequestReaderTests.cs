using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

public sealed class FormRequestReaderTests
{
    private const string ContentType = "multipart/form-data; boundary=\"xYz\"";

    private static readonly byte[] s_form = Encoding.Latin1.GetBytes(
        "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n" +
        "RIFF\r\n--xY not the boundary\r\n\r\r\n--x\r\nname=\"model\"\r\n\r\n--xYz\r\n" +
        "Content-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--xYz\r\n" +
        "content-disposition: form-data; name=prompt\r\n\r\na talk about\r\nllamas\r\n--xYz\r\n" +
        "Content-Disposition: form-data; name=\"language\"\r\n\r\nen\r\n--xYz--\r\nepilogue model=no");

    [Fact]
    public void The_model_and_the_prompt_are_found_beside_the_file()
    {
        var facts = Read([s_form]);

        Assert.Equal(("whisper", "a talk about\r\nllamas", 20L, false), (facts.Model, facts.Prompt, facts.TextLength, facts.Malformed));
    }

    [Fact]
    public void Chunk_boundaries_do_not_change_the_model_and_the_prompt()
    {
        var whole = Read([s_form]);

        for (var cut = 0; cut <= s_form.Length; cut++)
        {
            Assert.Equal(whole, Read([s_form[..cut], s_form[cut..]]));
        }

        Assert.Equal(whole, Read(s_form.Select(value => new[] { value })));
    }

    [Fact]
    public void A_field_without_end_takes_bounded_memory()
    {
        var megabyte = new byte[1024 * 1024];
        Array.Fill(megabyte, (byte)'m');

        var facts = Read([Encoding.ASCII.GetBytes("--xYz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"), .. Enumerable.Repeat(megabyte, 20),
            Encoding.ASCII.GetBytes("\r\n--xYz--")]);

        Assert.Equal(JsonFieldScanner.MaxText, facts.Model!.Length);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("multipart/form-data")]
    [InlineData("multipart/form-data; boundary=")]
    public void A_body_that_is_not_a_form_is_not_read(string? contentType)
    {
        Assert.Null(FormRequestReader.For(contentType));
    }

    [Fact]
    public void A_body_without_its_boundary_is_malformed()
    {
        Assert.True(Read([Encoding.ASCII.GetBytes("{\"model\":\"a\"}")]).Malformed);
    }

    private static RequestFacts Read(IEnumerable<byte[]> pieces)
    {
        var reader = FormRequestReader.For(ContentType)!;
        foreach (var piece in pieces)
        {
            reader.Read(piece);
        }

        return reader.Complete();
    }
}
