using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>The query parameters of the analytics API, one row each.</summary>
internal static partial class QueryParameters
{
    /// <summary>No record is that far from 1970, and no sum of times exceeds the calendar.</summary>
    private const double MaxSeconds = 50_000_000_000;

    private static readonly (string Name, RequestOrder Order)[] s_orders =
    [
        ("time", RequestOrder.Time),
        ("latency", RequestOrder.Latency),
        ("ttft", RequestOrder.TimeToFirstToken),
        ("input_tokens", RequestOrder.InputTokens),
        ("output_tokens", RequestOrder.OutputTokens),
        ("tokens_per_second", RequestOrder.TokensPerSecond),
    ];

    private static readonly string[] s_dimensions =
        [.. Enum.GetValues<StatDimension>().Select(dimension => JsonNamingPolicy.SnakeCaseLower.ConvertName(dimension.ToString()))];

    /// <summary>The filter.</summary>
    public static IReadOnlyList<QueryParameter> Filters { get; } = [.. FilterParts.All.Where(part => part.Name is not null).Select(Of)];

    /// <summary>The filter and the page.</summary>
    public static IReadOnlyList<QueryParameter> Pages { get; } =
    [
        .. Filters,
        new("sort", "string", "The sort key, ascending; with a minus (-latency) descending. Unknown values come last.", Sort)
        {
            Values = [.. s_orders.SelectMany(row => (string[])[row.Name, "-" + row.Name])],
            Default = "-time",
        },
        Direction("order", "The direction, instead of the minus."),
        Limit("limit", "Records per page, 1 to 1000.",
            SearchRequests.MaxLimit) with { Default = SearchRequests.DefaultLimit.ToString(CultureInfo.InvariantCulture) },
        new("cursor", "string", "Continues after a page: its next_cursor. Keep filter, sort and order the same.", (request, text) =>
            (request.Cursor = PageCursor.Decode(text)) is null ? "is not a cursor of this API." : null),
    ];

    public static IReadOnlyList<QueryParameter> Export { get; } =
    [
        .. Filters,
        new("format", "string", "The file's format.", (request, text) =>
            ExportRequests.Formats.Contains(request.Format = text) ? null : $"must be one of {string.Join(", ", ExportRequests.Formats)}.")
        {
            Values = ExportRequests.Formats,
            Default = "json",
        },
        new("bom", "boolean", "Starts a CSV with a byte order mark, which Excel needs for non-ASCII characters.", (request, text) =>
            Boolean(text) is { } bom ? Set(() => request.HasByteOrderMark = bom) : "must be true or false."),
        new("message_id", "string", "Only this record: its request_id or id.", (request, text) =>
            (request.MessageId = RecordKey.Parse(text)) is null ? "must be a request_id or a whole number." : null),
        Limit("limit", "Only this many records, the newest.", int.MaxValue),
    ];

    /// <summary>The last hours, instead of a start.</summary>
    public static QueryParameter Hours { get; } = new("hours", "integer", "The number of past hours, 1 to 87600; cannot be combined with start_time.",
        (request, text) =>
        (request.Hours = (int?)Whole(text, 1, 87_600)) is null ? "must be a whole number from 1 to 87600." : null);

    public static IReadOnlyList<QueryParameter> Stats { get; } =
    [
        .. Filters,
        Hours,
        new("step", "string", "Adds a time series with steps of this length: 5m, 1h, 1d, or seconds.", (request, text) =>
            (request.Step = Length(text)) is null ? "must be a length such as 5m, 1h or 1d, or seconds." : null),
        new("split", "string", "Divides each step of the time series by this label.", (request, text) =>
            Array.IndexOf(s_dimensions, text) is >= 0 and var index
                ? Set(() => request.SplitBy = (StatDimension)index)
                : $"must be one of {string.Join(", ", s_dimensions)}.")
        {
            Values = s_dimensions,
        },
        new("groups", "string", "The groups of the answer, separated by commas, or none; all but error_type by default. Fewer are faster.", Groups),
        new("top", "integer", "The number of models, clients and applications to name, 1 to 100.", (request, text) =>
            Whole(text, 1, GetStats.MaxTop) is { } top && (request.Top = (int)top) > 0 ? null : $"must be a whole number from 1 to {GetStats.MaxTop}.")
        {
            Default = GetStats.DefaultTop.ToString(CultureInfo.InvariantCulture),
        },
    ];

    public static IReadOnlyList<QueryParameter> Enhanced { get; } = [.. Filters, Hours with { Default = "24" }];

    public static IReadOnlyList<QueryParameter> Delete { get; } =
    [
        .. Filters,
        new("all", "boolean", "Deletes every record, without a filter.", (request, text) =>
            Boolean(text) is { } all ? Set(() => request.All = all) : "must be true or false."),
    ];

    public static QueryParameter Id { get; } = new("id", "string", "The record's request_id, or its id in this store.",
        static (_, _) => null) { IsInPath = true };

    /// <summary>A whole number within a range, or null.</summary>
    internal static long? Whole(string text, long min = 0, long max = long.MaxValue) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max ? number : null;

    /// <summary>
    /// Unix seconds, or RFC 3339. A time without a zone is rejected, because in the wrong zone it would select, or delete, other records. A plus sign in a
    /// query means a space, so "+01:00" often arrives as " 01:00".
    /// </summary>
    internal static DateTimeOffset? Instant(string text)
    {
        if (double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
        {
            return Math.Abs(seconds) < MaxSeconds ? DateTimeOffset.UnixEpoch.AddSeconds(seconds) : null;
        }

        return ZonedTime().Match(text) is { Success: true } match
            && DateTimeOffset.TryParse(match.Result("${date}T${time}${zone}").Replace(' ', '+'), CultureInfo.InvariantCulture, out var time)
            && Math.Abs((time - DateTimeOffset.UnixEpoch).TotalSeconds) < MaxSeconds ? time : null;
    }

    /// <summary>A length such as 5m, 1h or 1d, or whole seconds; null when invalid.</summary>
    internal static TimeSpan? Length(string text)
    {
        var unit = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3_600, 'd' => 86_400, _ => 0 };
        return Whole(unit == 0 ? text : text[..^1], 1, 36_500) is { } small && unit > 0 ? TimeSpan.FromSeconds(small * unit)
            : unit == 0 && Whole(text, 1, 3_153_600_000) is { } seconds ? TimeSpan.FromSeconds(seconds)
            : null;
    }

    [GeneratedRegex(
        @"^(?<date>\d{4}-\d\d-\d\d)[Tt ](?<time>\d\d:\d\d(:\d\d([.,]\d+)?)?)(?<zone>[Zz]|[+\- ]\d\d(:?\d\d)?)$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex ZonedTime();

    private static bool? Boolean(string text) => text switch { "true" or "1" => true, "false" or "0" => false, _ => null };

    /// <summary>The parameter of a part of the filter.</summary>
    private static QueryParameter Of(FilterPart part)
    {
        var words = part.Field.Words;
        return part.Field.Kind switch
        {
            FieldKind.Flag => new(part.Name!, "string", part.Meaning, (request, text) => Inference(request, text, part)) { Values = ["true", "false", "all"] },
            FieldKind.Time => Read("string", text => Instant(text),
                "must be Unix seconds, or a time with a zone such as 2026-11-01T12:00:00Z or 2026-11-01T13:00:00+01:00."),
            FieldKind.Number => Read("integer", text => (int?)Whole(text, 0, int.MaxValue), "must be a whole number from 0."),
            FieldKind.Duration => Read("number", text => Seconds(text), "must be a number of seconds from 0."),
            _ when part.Field == RecordFields.Endpoint => Read("string", text => Endpoint(text)?.Label, $"must be one of {string.Join(", ", words)}."),
            _ => Read("string", text => words.Count == 0 || words.Contains(text, StringComparer.Ordinal) ? text : null,
                $"must be one of {string.Join(", ", words)}."),
        };

        QueryParameter Read(string type, Func<string, object?> parse, string problem) => new(part.Name!, type, part.Meaning, (request, text) =>
            parse(text) is { } value ? Set(() => request.Filter = part.With(request.Filter, value)) : problem) { Values = words };
    }

    private static ApiEndpoint? Endpoint(string text) =>
        text.StartsWith('/') ? ApiEndpoint.All.FirstOrDefault(endpoint => endpoint.Path == text) : ApiEndpoint.FromLabel(text);

    private static TimeSpan? Seconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds < 1e9
            ? TimeSpan.FromSeconds(seconds)
            : null;

    private static string? Groups(QueryRequest request, string text)
    {
        string[] names = text == "none" ? [] : text.Split(',');
        request.Groups = [.. names.Select(name => (StatDimension)Array.IndexOf(s_dimensions, name))];
        return request.Groups.All(Enum.IsDefined) ? null : $"must be some of {string.Join(", ", s_dimensions)}, separated by commas, or none.";
    }

    private static string? Inference(QueryRequest request, string text, FilterPart part)
    {
        if (text != "all" && Boolean(text) is null)
        {
            return "must be true, false or all.";
        }

        request.SaysInference = true;
        request.Filter = part.With(request.Filter, Boolean(text));
        return null;
    }

    private static string? Sort(QueryRequest request, string text)
    {
        var (name, order) = Array.Find(s_orders, row => row.Name == text.TrimStart('-'));
        (request.Order, request.SortsUp) = (order, !text.StartsWith('-'));
        return name is null || text.StartsWith("--", StringComparison.Ordinal)
            ? $"must be one of {string.Join(", ", s_orders.Select(row => row.Name))}, with or without a minus."
            : null;
    }

    private static QueryParameter Direction(string name, string meaning) => new(name, "string", meaning, (request, text) =>
        text is "asc" or "desc" ? Set(() => request.Ascending = text == "asc") : "must be asc or desc.") { Values = ["asc", "desc"] };

    private static QueryParameter Limit(string name, string meaning, int max) => new(name, "integer", meaning, (request, text) =>
        (request.Limit = (int?)Whole(text, 1, max)) is null ? $"must be a whole number from 1{(max == int.MaxValue ? "" : $" to {max}")}." : null);

    private static string? Set(Action set)
    {
        set();
        return null;
    }
}
