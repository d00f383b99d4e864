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

    private static readonly string[] s_categories = [.. Enum.GetValues<PromptCategory>().Select(category => category.Label())];
    private static readonly string[] s_outcomes = [.. Enum.GetValues<ExchangeOutcome>().Select(outcome => outcome.Name())];
    private static readonly string[] s_errorTypes = [.. Enum.GetValues<ErrorType>().Select(type => type.Name())];
    private static readonly string[] s_statuses = [.. Enum.GetValues<ExchangeOutcome>().Select(outcome => outcome.Status()).Distinct()];
    private static readonly string[] s_dimensions =
        [.. Enum.GetValues<StatDimension>().Select(dimension => JsonNamingPolicy.SnakeCaseLower.ConvertName(dimension.ToString()))];
    private static readonly string[] s_endpoints = [.. ApiEndpoint.All.Select(endpoint => endpoint.Label)];

    private static readonly QueryParameter s_model = Text("model", "A model in any spelling Ollama accepts: phi4, PHI4:latest.",
        (filter, text) => filter with { Model = text });
    private static readonly QueryParameter s_client = Text("client", "A client's address, as in client_ip.", (filter, text) => filter with { Client = text });
    private static readonly QueryParameter s_from =
        Time("start_time", "The earliest time: Unix seconds, or RFC 3339 with a zone.", (filter, time) => filter with { From = time });
    private static readonly QueryParameter s_to =
        Time("end_time", "The latest time: Unix seconds, or RFC 3339 with a zone.", (filter, time) => filter with { To = time });

    /// <summary>The filter.</summary>
    public static IReadOnlyList<QueryParameter> Filters { get; } =
    [
        s_model,
        new("endpoint", "string", "An endpoint: its label (chat) or its path (/api/chat).", Endpoint) { Values = s_endpoints },
        Word("category", "The category of the prompt.", s_categories, (filter, word) => filter with { Category = word }),
        Word("status", "Success, error or cancelled.", s_statuses, (filter, word) => filter with { Status = word }),
        Word("outcome", "The outcome.", s_outcomes, (filter, word) => filter with { Outcome = word }),
        Word("error_type", "The error type.", s_errorTypes, (filter, word) => filter with { ErrorType = word }),
        s_client,
        Text("application", "An application, as in application.", (filter, text) => filter with { Application = text }),
        Text("proxy", "A proxy's name, as in proxy.", (filter, text) => filter with { Proxy = text }),
        Text("backend", "A backend's name, as in backend.", (filter, text) => filter with { Backend = text }),
        Text("search", "Text in the prompt or in the answer, in any case, taken literally.", (filter, text) => filter with { Search = text }),
        Text("prompt_search", "Text in the prompt, in any case, taken literally.", (filter, text) => filter with { PromptSearch = text }),
        s_from,
        s_to,
        Count("min_input_tokens", "The fewest prompt tokens.", (filter, count) => filter with { MinInputTokens = count }),
        Count("max_input_tokens", "The most prompt tokens.", (filter, count) => filter with { MaxInputTokens = count }),
        Count("min_output_tokens", "The fewest completion tokens.", (filter, count) => filter with { MinOutputTokens = count }),
        Count("max_output_tokens", "The most completion tokens.", (filter, count) => filter with { MaxOutputTokens = count }),
        Seconds("min_latency", "The lowest latency, in seconds.", (filter, length) => filter with { MinLatency = length }),
        Seconds("max_latency", "The highest latency, in seconds.", (filter, length) => filter with { MaxLatency = length }),
        new("inference", "string", "Only requests that ran a model (true), only the others (false), or both (all).",
            Inference) { Values = ["true", "false", "all"] },
    ];

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

    private static string? Endpoint(QueryRequest request, string text)
    {
        if (text.StartsWith('/') ? ApiEndpoint.All.FirstOrDefault(endpoint => endpoint.Path == text) is { } found
            : (found = ApiEndpoint.FromLabel(text)!) is not null)
        {
            request.Filter = request.Filter with { Endpoint = found!.Label };
            return null;
        }

        return $"must be one of {string.Join(", ", s_endpoints)}.";
    }

    private static string? Groups(QueryRequest request, string text)
    {
        string[] names = text == "none" ? [] : text.Split(',');
        request.Groups = [.. names.Select(name => (StatDimension)Array.IndexOf(s_dimensions, name))];
        return request.Groups.All(Enum.IsDefined) ? null : $"must be some of {string.Join(", ", s_dimensions)}, separated by commas, or none.";
    }

    private static string? Inference(QueryRequest request, string text)
    {
        if (text != "all" && Boolean(text) is null)
        {
            return "must be true, false or all.";
        }

        request.SaysInference = true;
        request.Filter = request.Filter with { IsInference = Boolean(text) };
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

    private static QueryParameter Text(string name, string meaning, Func<RequestFilter, string, RequestFilter> apply) =>
        new(name, "string", meaning, (request, text) => Set(() => request.Filter = apply(request.Filter, text)));

    private static QueryParameter Word(string name, string meaning, string[] words, Func<RequestFilter, string, RequestFilter> apply) =>
        new(name, "string", meaning,
            (request, text) =>
            words.Contains(text, StringComparer.Ordinal)
                ? Set(() => request.Filter = apply(request.Filter, text))
                : $"must be one of {string.Join(", ", words)}.") { Values = words };

    private static QueryParameter Time(string name, string meaning, Func<RequestFilter, DateTimeOffset, RequestFilter> apply) =>
        new(name, "string", meaning, (request, text) =>
        Instant(text) is { } time
            ? Set(() => request.Filter = apply(request.Filter, time))
            : "must be Unix seconds, or a time with a zone such as 2026-11-01T12:00:00Z or 2026-11-01T13:00:00+01:00.");

    private static QueryParameter Count(string name, string meaning, Func<RequestFilter, int, RequestFilter> apply) =>
        new(name, "integer", meaning, (request, text) =>
        Whole(text, 0, int.MaxValue) is { } count ? Set(() => request.Filter = apply(request.Filter, (int)count)) : "must be a whole number from 0.");

    private static QueryParameter Seconds(string name, string meaning, Func<RequestFilter, TimeSpan, RequestFilter> apply) =>
        new(name, "number", meaning, (request, text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds < 1e9
            ? Set(() => request.Filter = apply(request.Filter, TimeSpan.FromSeconds(seconds)))
            : "must be a number of seconds from 0.");

    private static string? Set(Action set)
    {
        set();
        return null;
    }
}
