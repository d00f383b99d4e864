using System.Buffers;
using System.Reflection;
using System.Text;
using System.Text.Json;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Infrastructure.Analytics.Jsonl;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.Infrastructure.Analytics.Sqlite;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Analytics;

/// <summary>A field is one row of a table, and every format follows from it.</summary>
public sealed class RecordFieldsTests
{
    private static readonly PropertyInfo[] s_properties = [.. typeof(RequestRecord).GetProperties().Where(property => property.CanWrite)];

    /// <summary>A record in which every property has a value that it has not by default.</summary>
    private static readonly RequestRecord s_full = Full();

    [Fact]
    public void Every_property_of_a_record_is_written_and_read()
    {
        var values = new Values();
        RecordFields.Id.Write(s_full, values);
        RecordFields.Write(s_full, values);

        Assert.Equal(s_full, RecordFields.Read(values));
        Assert.All(s_properties, property => Assert.NotEqual(property.GetValue(new Values().Record), property.GetValue(s_full)));
        // The status follows from the outcome.
        Assert.Equal(s_properties.Length + 1, RecordFields.All.Count);
        Assert.Equal(Enumerable.Range(0, RecordFields.All.Count), RecordFields.All.Select(field => field.Index));
    }

    [Fact]
    public void A_field_is_a_column_of_each_database()
    {
        Assert.Equal(RecordFields.All.Select(field => field.Column), SqliteTables.Requests.Select(column => column.Name));
        Assert.Equal(
            RecordFields.Stored.Select(PostgresColumns.NameOf),
            PostgresColumns.OfRequests.Concat(RecordFields.Texts).Select(PostgresColumns.NameOf));
        Assert.All(RecordFields.All, field => Assert.Contains($".{PostgresColumns.NameOf(field)}", PostgresRow.Columns.Split(", ").Select(name => name[1..])));
    }

    [Fact]
    public void A_field_is_a_key_of_a_line()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var lines = new JsonlWriter(bytes))
        {
            lines.Write(s_full, 7);
        }

        var line = new JsonlLine();
        Assert.Equal(RecordFields.All.Select(field => field.Name), Keys(Encoding.UTF8.GetString(bytes.WrittenSpan)));
        Assert.True(line.Read(bytes.WrittenSpan.ToArray(), 0, bytes.WrittenCount - 1));
        Assert.Equal(s_full with { Id = 7 }, line.ToRecord());
    }

    [Fact]
    public void A_line_has_the_keys_and_units_of_the_api_without_what_is_unknown()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var lines = new JsonlWriter(bytes))
        {
            lines.Write(new Values().Record with { Model = "phi4:latest", Latency = TimeSpan.FromMicroseconds(1_500_001), TokensPerSecond = 9.25 }, 7);
        }

        Assert.Equal(
            ("{'id':7,'timestamp':0,'request_id':'a','model':'phi4:latest','endpoint':'chat','method':'POST','category':'empty','status':'success',"
                + "'outcome':'completed','is_inference':false,'latency':1.500001,'tokens_per_second':9.25,'request_bytes':0,'response_bytes':0}\n")
            .Replace('\'', '"'),
            Encoding.UTF8.GetString(bytes.WrittenSpan));
    }

    [Fact]
    public void A_field_is_a_key_of_the_api_of_its_schema_and_of_csv()
    {
        string[] keys = [.. ApiFields.All.Select(field => field.Name)];
        var json = JsonSerializer.Serialize(new RecordJson(s_full, new ModelNames()), AnalyticsJson.Relaxed.RecordJson);

        Assert.Empty(RecordFields.All.Select(field => field.Name).Except(keys));
        Assert.Equal(keys, Keys(json));
        Assert.Equal(keys, ApiFields.Schema()["properties"]!.AsObject().Select(property => property.Key));
        Assert.Equal(string.Join(',', keys) + "\r\n", RecordCsv.Header);
        Assert.Equal(keys.Length, new RecordCsv(new ModelNames()).Line(s_full).Split(',').Length);
    }

    /// <summary>On a difference, the table that the document should have is in the message.</summary>
    [Fact]
    public void The_documentation_lists_the_fields()
    {
        var table = string.Join('\n', ["| Key | Value | SQL column |", "|---|---|---|", .. ApiFields.All.Select(Row)]) + "\n";

        Assert.True(File.ReadAllText(Repository.PathOf("docs", "analytics-api.md")).Contains(table, StringComparison.Ordinal), table);
    }

    [Fact]
    public void Every_part_of_a_filter_is_in_the_table()
    {
        var filter = RequestFilter.Everything;
        foreach (var part in FilterParts.All)
        {
            Assert.Null(part.Value(filter));
            filter = part.With(filter, part.Field.Kind switch
            {
                FieldKind.Number => 1,
                FieldKind.Duration => TimeSpan.FromSeconds(1),
                FieldKind.Time => DateTimeOffset.UnixEpoch,
                FieldKind.Flag => true,
                _ => part.Field.Words is [var word, ..] ? word : "x",
            });
            Assert.NotNull(part.Value(filter));
        }

        Assert.All(typeof(RequestFilter).GetProperties(BindingFlags.Public | BindingFlags.Instance), property => Assert.NotNull(property.GetValue(filter)));
    }

    private static string Row(RecordField field)
    {
        var value = field.Kind switch
        {
            FieldKind.Number or FieldKind.BigNumber => "whole number",
            FieldKind.Real => "number",
            FieldKind.Flag => "true or false",
            FieldKind.Duration => "seconds",
            FieldKind.Time => "RFC 3339",
            _ => "text",
        };
        var column = RecordFields.All.FirstOrDefault(stored => stored.Name == field.Name) is { } stored ? $"`{stored.Column}`" : "";
        return $"| `{field.Name}` | {value}{(field.IsRequired ? "" : ", null")} | {column} |";
    }

    private static IEnumerable<string> Keys(string json) => JsonElement.Parse(json).EnumerateObject().Select(property => property.Name);

    private static RequestRecord Full()
    {
        var record = new Values().Record with { };
        foreach (var (index, property) in s_properties.Index())
        {
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            property.SetValue(record, type switch
            {
                _ when type == typeof(string) => property.Name,
                _ when type == typeof(int) => index + 1,
                _ when type == typeof(long) => index + 1L,
                _ when type == typeof(double) => index + 0.5,
                _ when type == typeof(bool) => true,
                _ when type == typeof(TimeSpan) => TimeSpan.FromMicroseconds(index + 1),
                _ when type == typeof(DateTimeOffset) => DateTimeOffset.UnixEpoch.AddMicroseconds(index),
                _ when type == typeof(ApiEndpoint) => ApiEndpoint.Embed,
                _ => Enum.GetValues(type).GetValue(1),
            });
        }

        return record;
    }

    /// <summary>The values of one record.</summary>
    private sealed class Values : IFieldWriter, IFieldReader
    {
        private readonly Dictionary<RecordField, object?> _values = [];

        /// <summary>A record with nothing but the required values.</summary>
        public RequestRecord Record { get; } = new()
        {
            RequestId = "a",
            Timestamp = DateTimeOffset.UnixEpoch,
            Endpoint = ApiEndpoint.Chat,
            Method = "POST",
            Category = PromptCategory.Empty,
            Outcome = ExchangeOutcome.Completed,
            Latency = TimeSpan.Zero,
        };

        public void Text(RecordField field, string? value) => _values.Add(field, value);

        public void Number(RecordField field, long? value) => _values.Add(field, value);

        public void Real(RecordField field, double? value) => _values.Add(field, value);

        public void Flag(RecordField field, bool? value) => _values.Add(field, value);

        public void Duration(RecordField field, TimeSpan? value) => _values.Add(field, value);

        public void Time(RecordField field, DateTimeOffset value) => _values.Add(field, value);

        string? IFieldReader.Text(RecordField field) => (string?)_values[field];

        long? IFieldReader.Number(RecordField field) => (long?)_values[field];

        double? IFieldReader.Real(RecordField field) => (double?)_values[field];

        bool? IFieldReader.Flag(RecordField field) => (bool?)_values[field];

        TimeSpan? IFieldReader.Duration(RecordField field) => (TimeSpan?)_values[field];

        DateTimeOffset IFieldReader.Time(RecordField field) => (DateTimeOffset)_values[field]!;
    }
}
