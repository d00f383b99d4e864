using FluentValidation;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>A query parameter: how it is read and described.</summary>
/// <param name="Name">As in the query.</param>
/// <param name="Type">JSON's word: <c>string</c>, <c>integer</c>, <c>number</c> or <c>boolean</c>.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Read">Puts the text into the request; returns a problem, or null.</param>
internal sealed record QueryParameter(string Name, string Type, string Meaning, Func<QueryRequest, string, string?> Read)
{
    /// <summary>The allowed values; empty without a list.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    public string? Default { get; init; }

    /// <summary>True for a part of the path.</summary>
    public bool IsInPath { get; init; }
}

/// <summary>The values of the query parameters, and their problems.</summary>
internal sealed class QueryRequest
{
    public RequestFilter Filter { get; set; } = RequestFilter.Everything;

    public RequestOrder Order { get; set; }

    /// <summary>The direction of <c>sort</c>; newest first by default.</summary>
    public bool SortsUp { get; set; }

    /// <summary>The direction of <c>order</c>, which overrides <c>sort</c>.</summary>
    public bool? Ascending { get; set; }

    public int? Limit { get; set; }

    public PageCursor? Cursor { get; set; }

    public string Format { get; set; } = "json";

    /// <summary>Whether a CSV begins with a byte order mark.</summary>
    public bool HasByteOrderMark { get; set; }

    public RecordKey? MessageId { get; set; }

    public bool All { get; set; }

    public TimeSpan? Step { get; set; }

    public int Top { get; set; } = GetStats.DefaultTop;

    public int? Hours { get; set; }

    /// <summary>True once <c>inference</c> was set, to any value.</summary>
    public bool SaysInference { get; set; }

    /// <summary>The label that splits the steps of the series; null for no split.</summary>
    public StatDimension? SplitBy { get; set; }

    /// <summary>The groups in the response; null for all.</summary>
    public IReadOnlyList<StatDimension>? Groups { get; set; }

    /// <summary>Problems by parameter.</summary>
    private SortedDictionary<string, string[]> Errors { get; } = new(StringComparer.Ordinal);

    /// <summary>The 400 response that names every invalid parameter; null when all are valid.</summary>
    public IResult? Refusal => Errors.Count == 0 ? null : Answers.WrongParameters(Errors);

    /// <summary>
    /// Reads a query. An unknown name is an error, because a misspelled filter would give wrong numbers, or delete too much. Names that begin with an
    /// underscore are ignored, because clients add them to bypass caches. An empty value counts as absent.
    /// </summary>
    public static QueryRequest Read(IQueryCollection query, IReadOnlyList<QueryParameter> parameters)
    {
        var request = new QueryRequest();
        foreach (var (name, values) in query)
        {
            if (name.StartsWith('_'))
            {
                continue;
            }

            var error =
                parameters.FirstOrDefault(parameter => parameter.Name == name && !parameter.IsInPath) is not { } parameter ? Unknown(parameters)
                : values.Count > 1 ? "must be given once."
                : string.IsNullOrEmpty(values[0]) ? null
                : parameter.Read(request, values[0]!);
            if (error is not null)
            {
                request.Errors[name] = [error];
            }
        }

        return request;
    }

    /// <summary>The 400 response that names every parameter that breaks a rule; null when none does.</summary>
    public IResult? Check<T>(T request, AbstractValidator<T> validator)
    {
        foreach (var failure in validator.Validate(request).Errors)
        {
            // A nested rule has a prefix with a dot.
            Errors.TryAdd(failure.PropertyName.TrimStart('.'), [failure.ErrorMessage]);
        }

        return Refusal;
    }

    private static string Unknown(IReadOnlyList<QueryParameter> parameters)
    {
        var known = string.Join(", ", parameters.Where(parameter => !parameter.IsInPath).Select(parameter => parameter.Name));
        return known.Length == 0 ? "is not a parameter; this path has none." : $"is not a parameter of this path; it has {known}.";
    }
}
