using System.CommandLine;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands.Data;

/// <summary>The query parameters of an endpoint as options: the API's <c>start_time</c> is <c>--start-time</c>.</summary>
internal sealed class FilterOptions
{
    /// <summary>From this many values on, they do not fit next to the option's name.</summary>
    private const int Many = 5;

    private readonly (QueryParameter Parameter, Option<string> Option)[] _options;

    public FilterOptions(IReadOnlyList<QueryParameter> parameters, params string[] without)
        : this([.. parameters.Where(parameter => !without.Contains(parameter.Name)).Select(parameter => (parameter, Make(parameter)))])
    {
    }

    private FilterOptions((QueryParameter Parameter, Option<string> Option)[] options) => _options = options;

    public IEnumerable<Option> All => _options.Select(row => row.Option);

    public static string NameOf(string parameter) => $"--{parameter.Replace('_', '-')}";

    /// <summary>The path with the given options as its query.</summary>
    /// <param name="path">The endpoint's.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="more">Parameters that were not given as options.</param>
    public string Query(string path, ParseResult parsed, params (string Name, string? Value)[] more)
    {
        var given = _options.Where(row => parsed.GetResult(row.Option) is not null).Select(row => (row.Parameter.Name, Value: parsed.GetValue(row.Option)));
        var parts = given.Concat(more).Where(pair => pair.Value is not null).Select(pair => $"{pair.Name}={Uri.EscapeDataString(pair.Value!)}");
        return string.Join('?', ((string[])[path, string.Join('&', parts)]).Where(part => part.Length > 0));
    }

    /// <summary>The value given for a parameter, or null.</summary>
    public string? Given(ParseResult parsed, string parameter) =>
        Array.Find(_options, row => row.Parameter.Name == parameter).Option is { } option && parsed.GetResult(option) is not null
            ? parsed.GetValue(option)
            : null;

    /// <summary>Adds a shorter name for the option of a parameter.</summary>
    public void AddAlias(string parameter, string alias) => Array.Find(_options, row => row.Parameter.Name == parameter).Option.Aliases.Add(alias);

    /// <summary>The same options without one, for an endpoint that lacks it.</summary>
    public FilterOptions Without(string parameter) => new([.. _options.Where(row => row.Parameter.Name != parameter)]);

    /// <summary>Reads the options as the API would. Only for options without errors.</summary>
    public QueryRequest Request(ParseResult parsed)
    {
        var request = new QueryRequest();
        foreach (var (parameter, option) in _options)
        {
            if (parsed.GetResult(option) is not null && parsed.GetValue(option) is { Length: > 0 } text)
            {
                parameter.Read(request, text);
            }
        }

        return request;
    }

    private static Option<string> Make(QueryParameter parameter)
    {
        // A switch needs no value.
        var option = new Option<string>(NameOf(parameter.Name))
        {
            Description = parameter.Meaning + (parameter.Values.Count >= Many ? $" One of {string.Join(", ", parameter.Values)}." : ""),
            Arity = parameter.Type == "boolean" ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            HelpName = parameter.Values.Count is > 0 and < Many ? string.Join('|', parameter.Values) : parameter.Type,
        };
        if (parameter.Type == "boolean")
        {
            option.CustomParser = result => result.Tokens is [var token] ? token.Value : "true";
        }

        // Rejected here, with the option's name, because the API's error would name its query parameter.
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: { Length: > 0 } text }] && parameter.Read(new QueryRequest(), text) is { } problem)
            {
                result.AddError($"{NameOf(parameter.Name)} {problem}{Misspelled.Hint(text, parameter.Values)}");
            }
        });
        option.CompletionSources.Add(_ => parameter.Values.Select(value => new System.CommandLine.Completions.CompletionItem(value)));
        return option;
    }
}
