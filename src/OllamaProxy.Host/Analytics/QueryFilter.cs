using System.Globalization;
using FluentValidation;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>The query parameters of search and export, and what is wrong with them.</summary>
internal sealed class QueryFilter
{
    private readonly IQueryCollection _query;

    public QueryFilter(IQueryCollection query)
    {
        _query = query;
        Filter = new RequestFilter
        {
            Model = Value("model"),
            PromptSearch = Value("search") ?? Value("prompt_search"),
            From = Time("start_time"),
            To = Time("end_time"),
        };
    }

    public RequestFilter Filter { get; }

    /// <summary>Problems by parameter.</summary>
    public Dictionary<string, string[]> Errors { get; } = new(StringComparer.Ordinal);

    public string? Value(string name) => _query[name].FirstOrDefault() is { Length: > 0 } value ? value : null;

    /// <summary>The answer 400 naming every wrong parameter, or null when all are right.</summary>
    public IResult? Check<T>(T request, AbstractValidator<T> validator)
    {
        foreach (var failure in validator.Validate(request).Errors)
        {
            Errors.TryAdd(failure.PropertyName, [failure.ErrorMessage]);
        }

        return Errors.Count == 0 ? null : Answers.Problem(StatusCodes.Status400BadRequest, "A parameter is wrong", errors: Errors);
    }

    public int Limit(int otherwise)
    {
        if (Value("limit") is not { } text)
        {
            return otherwise;
        }

        // What is no number falls out of every range, and the validator says which range there is.
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var limit) ? limit : -1;
    }

    private DateTimeOffset? Time(string name)
    {
        if (Value(name) is not { } text)
        {
            return null;
        }

        if (double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && Math.Abs(seconds) < 60_000_000_000)
        {
            return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        }

        if (text.Contains('T', StringComparison.OrdinalIgnoreCase) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time;
        }

        Errors[name] = ["must be Unix seconds, or a time such as 2026-11-01T12:00:00Z."];
        return null;
    }
}
