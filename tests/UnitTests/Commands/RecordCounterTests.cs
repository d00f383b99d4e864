using System.Text;
using OllamaProxy.Host.Commands.Data;

namespace OllamaProxy.UnitTests.Commands;

public sealed class RecordCounterTests
{
    [Fact]
    public void Line_breaks_inside_a_quoted_csv_field_are_not_counted_as_records()
    {
        const string Csv = "id,prompt\r\n1,\"a\r\nb \"\"quoted\"\"\r\nc\"\r\n2,plain\r\n3,\"x\n\"\r\n";
        for (var cut = 0; cut <= Csv.Length; cut++)
        {
            var counter = new ExportCommand.RecordCounter(isCsv: true);
            counter.Count(Encoding.UTF8.GetBytes(Csv[..cut]));

            Assert.Equal(3, counter.Count(Encoding.UTF8.GetBytes(Csv[cut..])));
        }
    }
}
