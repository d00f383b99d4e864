using System.Globalization;
using System.Text;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>How a database names the fields of a record, and how it stores the values that they are compared with.</summary>
internal sealed record SqlDialect(Func<RecordField, string> ColumnOf, Func<RecordField, object, object> ValueOf);

/// <summary>A filter as a condition in SQL, made of fixed texts, and the values of its parameters: $1, $2, and so on.</summary>
internal abstract class SqlFilter(SqlDialect dialect)
{
    private readonly List<object> _values = [];
    private readonly StringBuilder _condition = new("TRUE");

    /// <summary>The values of the parameters, in their order.</summary>
    public IReadOnlyList<object> Values => _values;

    /// <summary>The condition, to stand behind WHERE.</summary>
    public string Condition => _condition.ToString();

    /// <summary>The page of the records found, of which one more than the limit says whether there is a next page.</summary>
    public static RequestPage PageOf(IReadOnlyList<RequestRecord> found, RequestQuery query) => found.Count <= query.Limit
        ? new RequestPage(found, null)
        : new RequestPage([.. found.Take(query.Limit)], new RequestCursor(ValueOf(found[query.Limit - 1], query.Order), found[query.Limit - 1].Id));

    /// <summary>Adds a parameter; returns how SQL names it.</summary>
    public string Parameter(object value)
    {
        _values.Add(value);
        return string.Create(CultureInfo.InvariantCulture, $"${_values.Count}");
    }

    /// <summary>Adds a condition.</summary>
    public void And(string condition) => _condition.Append(" AND ").Append(condition);

    /// <summary>Adds the comparisons of a filter, or only those of some fields.</summary>
    public void Compare(RequestFilter filter, Func<RecordField, bool>? only = null)
    {
        foreach (var (part, value) in FilterParts.Comparisons(filter))
        {
            if (only?.Invoke(part.Field) == false)
            {
                continue;
            }

            // Repeats the condition of the partial index of failed requests, so that the planner uses it. No success has an error type.
            if (part.Field == RecordFields.ErrorType || (part.Field == RecordFields.Status && filter.Status != "success"))
            {
                And($"{dialect.ColumnOf(RecordFields.Status)} <> 'success'");
            }

            var sign = part.Comparison switch { Comparison.AtLeast => ">=", Comparison.AtMost => "<=", _ => "=" };
            And($"{dialect.ColumnOf(part.Field)} {sign} {Parameter(dialect.ValueOf(part.Field, value))}");
        }
    }

    /// <summary>Continues behind the last record of the previous page, if there is one.</summary>
    /// <param name="query">The query.</param>
    /// <param name="hasUnknown">Whether records without a value of the order, which come last, are among those looked at.</param>
    public void After(RequestQuery query, bool hasUnknown)
    {
        if (query.After is not { } after)
        {
            return;
        }

        var field = RecordFields.Of(query.Order);
        var (column, id, last) = (dialect.ColumnOf(field), dialect.ColumnOf(RecordFields.Id), Parameter(after.Id));
        if (after.Value is not { } value)
        {
            And($"{column} IS NULL AND {id} < {last}");
            return;
        }

        var (than, place) = (query.Ascending ? ">" : "<", Parameter(dialect.ValueOf(field, field.Kind == FieldKind.Real ? value : (object)(long)value)));
        // The first comparison without unknown values is the one that an index needs.
        And(hasUnknown
            ? $"({column} {than} {place} OR ({column} = {place} AND {id} < {last}) OR {column} IS NULL)"
            : $"{column} {than}= {place} AND ({column} {than} {place} OR {id} < {last})");
    }

    /// <summary>The order of a query, to stand behind ORDER BY.</summary>
    public string OrderOf(RequestQuery query, bool hasUnknown) =>
        $"{ColumnOf(query.Order)} {(query.Ascending ? "ASC" : "DESC")}{(hasUnknown ? " NULLS LAST" : "")}, {dialect.ColumnOf(RecordFields.Id)} DESC";

    /// <summary>The column that an order sorts by.</summary>
    public string ColumnOf(RequestOrder order) => dialect.ColumnOf(RecordFields.Of(order));

    private static double? ValueOf(RequestRecord record, RequestOrder order) => order switch
    {
        RequestOrder.Time => Micros.Of(record.Timestamp),
        RequestOrder.Latency => Micros.Of(record.Latency),
        RequestOrder.TimeToFirstToken => record.TimeToFirstToken is { } firstToken ? Micros.Of(firstToken) : null,
        RequestOrder.InputTokens => record.InputTokens,
        RequestOrder.OutputTokens => record.OutputTokens,
        _ => record.TokensPerSecond,
    };
}
