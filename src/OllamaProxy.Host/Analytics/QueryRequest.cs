using FluentValidation;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>A query parameter: one row says how it is read and how it is described.</summary>
/// <param name="Name">As in the query.</param>
/// <param name="Type">JSON's word: <c>string</c>, <c>integer</c>, <c>number</c> or <c>boolean</c>.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Read">Puts the text into the request; what is wrong with it, or null.</param>
internal sealed record QueryParameter(string Name, string Type, string Meaning, Func<QueryRequest, string, string?> Read)
{
    /// <summary>The values there are; empty when there is no list of them.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    public string? Default { get; init; }

    /// <summary>True for a part of the path.</summary>
    public bool IsInPath { get; init; }
}

/// <summary>What the query parameters ask for, and what is wrong with them.</summary>
internal sealed class QueryRequest
{
    public RequestFilter Filter { get; set; } = RequestFilter.Everything;

    public RequestOrder Order { get; set; }

    /// <summary>What <c>sort</c> says by itself; the newest come first unless something is said.</summary>
    public bool SortsUp { get; set; }

    /// <summary>What <c>order</c> says, which counts more.</summary>
    public bool? Ascending { get; set; }

    public int? Limit { get; set; }

    public PageCursor? Cursor { get; set; }

    public string Format { get; set; } = "json";

    /// <summary>Whether a CSV begins with a byte order mark.</summary>
    public bool HasByteOrderMark { get; set; }

    public long? MessageId { get; set; }

    public bool All { get; set; }

    public TimeSpan? Step { get; set; }

    public int Top { get; set; } = GetStats.DefaultTop;

    public int? Hours { get; set; }

    /// <summary>True once <c>inference</c> was asked for, with whichever value.</summary>
    public bool SaysInference { get; set; }

    /// <summary>What the steps of the series are split by; null for no split.</summary>
    public StatDimension? SplitBy { get; set; }

    /// <summary>Which groups are told of; null for all.</summary>
    public IReadOnlyList<StatDimension>? Groups { get; set; }

    /// <summary>Problems by parameter.</summary>
    private SortedDictionary<string, string[]> Errors { get; } = new(StringComparer.Ordinal);

    /// <summary>The answer 400 naming every wrong parameter, or null when all are right.</summary>
    public IResult? Refusal => Errors.Count == 0 ? null : Answers.WrongParameters(Errors);

    /// <summary>
    /// Reads a query. A name that is not known is an error: what looks like a filter and is none would give wrong numbers, or delete too much. Names that begin
    /// with an underscore are left alone: that is how programs get around caches. An empty value is none.
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

    /// <summary>The answer 400 naming every parameter that breaks a rule; null when none does.</summary>
    public IResult? Check<T>(T request, AbstractValidator<T> validator)
    {
        foreach (var failure in validator.Validate(request).Errors)
        {
            // A rule within a rule has a name with a dot before it.
            Errors.TryAdd(failure.PropertyName.TrimStart('.'), [failure.ErrorMessage]);
        }

        return Refusal;
    }

    private static string Unknown(IReadOnlyList<QueryParameter> parameters)
    {
        var known = string.Join(", ", parameters.Where(parameter => !parameter.IsInPath).Select(parameter => parameter.Name));
        return known.Length == 0 ? "is no parameter; this path has none." : $"is no parameter of this path; it has {known}.";
    }
}
