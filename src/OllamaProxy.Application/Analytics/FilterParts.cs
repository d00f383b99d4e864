using OllamaProxy.Domain;
using Fields = OllamaProxy.Application.Analytics.RecordFields;

namespace OllamaProxy.Application.Analytics;

/// <summary>How a part of a filter compares a field.</summary>
public enum Comparison
{
    Equal,
    AtLeast,
    AtMost,

    /// <summary>The text occurs in the field, in any case.</summary>
    Contains,
}

/// <summary>A part of a filter.</summary>
/// <param name="Name">The query parameter; null for a part that no query names.</param>
/// <param name="Field">The field it compares.</param>
/// <param name="Comparison">How.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Value">Its value as stores have it: a text, a whole number, microseconds or a flag; null when the part is not set.</param>
/// <param name="With">The filter with a value: a text, an int, a duration, a time, or a flag that may be null.</param>
public sealed record FilterPart(
    string? Name, RecordField Field, Comparison Comparison, string Meaning, Func<RequestFilter, object?> Value,
    Func<RequestFilter, object?, RequestFilter> With);

/// <summary>
/// The table of the parts of a filter, in the order of the documentation. The conditions of the stores, the query parameters and their validation follow from
/// it.
/// </summary>
public static class FilterParts
{
    public static IReadOnlyList<FilterPart> All { get; } =
    [
        Text("model", Fields.Model, "A model in any spelling Ollama accepts: phi4, PHI4:latest.",
            f => ModelName.Normalize(f.Model), (f, v) => f with { Model = v }),
        Text("endpoint", Fields.Endpoint, "An endpoint: its label (chat) or its path (/api/chat).",
            f => f.Endpoint?.Label, (f, v) => f with { Endpoint = ApiEndpoint.FromLabel(v) }),
        Text("category", Fields.Category, "The category of the prompt.",
            f => f.Category?.Label(), (f, v) => f with { Category = PromptCategories.Set.Find(v) }),
        Text("status", Fields.Status, "Success, error or cancelled.", f => f.Status, (f, v) => f with { Status = v }),
        Text("outcome", Fields.Outcome, "The outcome.", f => f.Outcome?.Name(), (f, v) => f with { Outcome = ExchangeOutcomes.Set.Find(v) }),
        Text("error_type", Fields.ErrorType, "The error type.", f => f.ErrorType?.Name(), (f, v) => f with { ErrorType = ErrorTypes.Set.Find(v) }),
        Text("client", Fields.ClientIp, "A client's address, as in client_ip.", f => f.Client, (f, v) => f with { Client = v }),
        Text("application", Fields.Application, "An application, as in application.", f => f.Application, (f, v) => f with { Application = v }),
        Text("proxy", Fields.Proxy, "A proxy's name, as in proxy.", f => f.Proxy, (f, v) => f with { Proxy = v }),
        Text("backend", Fields.Backend, "A backend's name, as in backend.", f => f.Backend, (f, v) => f with { Backend = v }),
        Text(null, Fields.RequestId, "The identity of one record.", f => f.RequestId, (f, v) => f with { RequestId = v }),
        Text("search", Fields.Response, "Text in the prompt or in the answer, in any case, taken literally.",
            f => f.Search, (f, v) => f with { Search = v }, Comparison.Contains),
        Text("prompt_search", Fields.Prompt, "Text in the prompt, in any case, taken literally.",
            f => f.PromptSearch, (f, v) => f with { PromptSearch = v }, Comparison.Contains),
        Time("start_time", Comparison.AtLeast, "The earliest time: Unix seconds, or RFC 3339 with a zone.", f => f.From, (f, v) => f with { From = v }),
        Time("end_time", Comparison.AtMost, "The latest time: Unix seconds, or RFC 3339 with a zone.", f => f.To, (f, v) => f with { To = v }),
        Count("min_input_tokens", Fields.InputTokens, Comparison.AtLeast, "The fewest prompt tokens.",
            f => f.MinInputTokens, (f, v) => f with { MinInputTokens = v }),
        Count("max_input_tokens", Fields.InputTokens, Comparison.AtMost, "The most prompt tokens.",
            f => f.MaxInputTokens, (f, v) => f with { MaxInputTokens = v }),
        Count("min_output_tokens", Fields.OutputTokens, Comparison.AtLeast, "The fewest completion tokens.",
            f => f.MinOutputTokens, (f, v) => f with { MinOutputTokens = v }),
        Count("max_output_tokens", Fields.OutputTokens, Comparison.AtMost, "The most completion tokens.",
            f => f.MaxOutputTokens, (f, v) => f with { MaxOutputTokens = v }),
        Length("min_latency", Fields.Latency, Comparison.AtLeast, "The lowest latency, in seconds.", f => f.MinLatency, (f, v) => f with { MinLatency = v }),
        Length("max_latency", Fields.Latency, Comparison.AtMost, "The highest latency, in seconds.", f => f.MaxLatency, (f, v) => f with { MaxLatency = v }),
        new("inference", Fields.IsInference, Comparison.Equal, "Only requests that ran a model (true), only the others (false), or both (all).",
            f => f.IsInference, (f, v) => f with { IsInference = (bool?)v }),
    ];

    /// <summary>The parts that are set, with their values. Text searches are not among them.</summary>
    public static IEnumerable<(FilterPart Part, object Value)> Comparisons(RequestFilter filter)
    {
        foreach (var part in All)
        {
            if (part.Comparison != Comparison.Contains && part.Value(filter) is { } value)
            {
                yield return (part, value);
            }
        }
    }

    private static FilterPart Text(
        string? name, RecordField field, string meaning, Func<RequestFilter, string?> value, Func<RequestFilter, string?, RequestFilter> with,
        Comparison comparison = Comparison.Equal) => new(name, field, comparison, meaning, value, (filter, given) => with(filter, (string?)given));

    private static FilterPart Count(
        string name, RecordField field, Comparison comparison, string meaning, Func<RequestFilter, int?> value,
        Func<RequestFilter, int?, RequestFilter> with) =>
        new(name, field, comparison, meaning, filter => (long?)value(filter), (filter, given) => with(filter, (int?)given));

    private static FilterPart Time(
        string name, Comparison comparison, string meaning, Func<RequestFilter, DateTimeOffset?> value,
        Func<RequestFilter, DateTimeOffset?, RequestFilter> with) =>
        new(name, Fields.Timestamp, comparison, meaning, filter => Inward(comparison, value(filter) - DateTimeOffset.UnixEpoch),
            (filter, given) => with(filter, (DateTimeOffset?)given));

    private static FilterPart Length(
        string name, RecordField field, Comparison comparison, string meaning, Func<RequestFilter, TimeSpan?> value,
        Func<RequestFilter, TimeSpan?, RequestFilter> with) =>
        new(name, field, comparison, meaning, filter => Inward(comparison, value(filter)), (filter, given) => with(filter, (TimeSpan?)given));

    /// <summary>Stores know no part of a microsecond, so an end of a range moves inward.</summary>
    private static long? Inward(Comparison comparison, TimeSpan? end) =>
        end is not { } known ? null : comparison == Comparison.AtLeast ? Micros.From(known) : Micros.Of(known);
}
