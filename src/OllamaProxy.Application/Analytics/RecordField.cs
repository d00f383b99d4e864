using System.Text.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>The type of a field's values, which decides its unit and its type in each format.</summary>
public enum FieldKind
{
    Text,

    /// <summary>A whole number of 32 bits.</summary>
    Number,

    /// <summary>A whole number of 64 bits.</summary>
    BigNumber,

    Real,

    Flag,

    /// <summary>Seconds in JSON and CSV, whole microseconds in SQL.</summary>
    Duration,

    /// <summary>Unix seconds in JSON, whole microseconds in SQL.</summary>
    Time,
}

/// <summary>Receives the values of a record, field by field. Null is unknown.</summary>
public interface IFieldWriter
{
    void Text(RecordField field, string? value);

    void Number(RecordField field, long? value);

    void Real(RecordField field, double? value);

    void Flag(RecordField field, bool? value);

    void Duration(RecordField field, TimeSpan? value);

    void Time(RecordField field, DateTimeOffset value);
}

/// <summary>Returns the values of a record in any order. Null is unknown.</summary>
public interface IFieldReader
{
    string? Text(RecordField field);

    long? Number(RecordField field);

    double? Real(RecordField field);

    bool? Flag(RecordField field);

    TimeSpan? Duration(RecordField field);

    DateTimeOffset Time(RecordField field);
}

/// <summary>A field of a record: its names, its type, and how to get its value. Stores and formats loop over the fields (<see cref="RecordFields"/>).</summary>
public sealed class RecordField
{
    private readonly Action<RecordField, RequestRecord, IFieldWriter> _write;

    private RecordField(string name, FieldKind kind, bool isRequired, string? column, Action<RecordField, RequestRecord, IFieldWriter> write) =>
        (Name, Key, Kind, IsRequired, Column, _write) =
            (name, JsonEncodedText.Encode(name), kind, isRequired, (column ?? name) + (kind is FieldKind.Duration or FieldKind.Time ? "_us" : ""), write);

    /// <summary>The key in JSON and in CSV.</summary>
    public string Name { get; }

    /// <summary><see cref="Name"/> as <see cref="Utf8JsonWriter"/> takes it fastest.</summary>
    public JsonEncodedText Key { get; }

    /// <summary>The column in SQL. That of a time or a duration names its unit.</summary>
    public string Column { get; }

    public FieldKind Kind { get; }

    /// <summary>True when every record has a value.</summary>
    public bool IsRequired { get; }

    /// <summary>The names of a closed set; empty for other fields.</summary>
    public IReadOnlyList<string> Words { get; private init; } = [];

    /// <summary>The position in <see cref="RecordFields.All"/>; -1 for a derived field, which is not stored.</summary>
    public int Index { get; internal set; } = -1;

    public static RecordField Text(string name, Func<RequestRecord, string?> of, bool isRequired = false) =>
        new(name, FieldKind.Text, isRequired, null, (field, record, writer) => writer.Text(field, of(record)));

    /// <summary>A closed set, whose members are texts only where they are written.</summary>
    public static RecordField Word(string name, IReadOnlyList<string> words, Func<RequestRecord, string?> of, bool isRequired = false) =>
        new(name, FieldKind.Text, isRequired, null, (field, record, writer) => writer.Text(field, of(record))) { Words = words };

    public static RecordField Number(string name, Func<RequestRecord, int?> of, string? column = null) =>
        new(name, FieldKind.Number, false, column, (field, record, writer) => writer.Number(field, of(record)));

    public static RecordField BigNumber(string name, Func<RequestRecord, long?> of, bool isRequired = true) =>
        new(name, FieldKind.BigNumber, isRequired, null, (field, record, writer) => writer.Number(field, of(record)));

    public static RecordField Real(string name, Func<RequestRecord, double?> of) =>
        new(name, FieldKind.Real, false, null, (field, record, writer) => writer.Real(field, of(record)));

    public static RecordField Flag(string name, Func<RequestRecord, bool?> of, bool isRequired = true, string? column = null) =>
        new(name, FieldKind.Flag, isRequired, column, (field, record, writer) => writer.Flag(field, of(record)));

    public static RecordField Duration(string name, Func<RequestRecord, TimeSpan?> of, bool isRequired = false, string? column = null) =>
        new(name, FieldKind.Duration, isRequired, column, (field, record, writer) => writer.Duration(field, of(record)));

    public static RecordField Time(string name, Func<RequestRecord, DateTimeOffset> of) =>
        new(name, FieldKind.Time, true, null, (field, record, writer) => writer.Time(field, of(record)));

    public void Write(RequestRecord record, IFieldWriter writer) => _write(this, record, writer);
}
