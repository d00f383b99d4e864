using FluentValidation;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>The rules of every filter: a range must not end before it begins. Messages name the query parameters.</summary>
internal sealed class FilterRules : AbstractValidator<RequestFilter>
{
    public FilterRules()
    {
        foreach (var least in FilterParts.All.Where(part => part.Comparison == Comparison.AtLeast))
        {
            var most = FilterParts.All.Single(part => part.Field == least.Field && part.Comparison == Comparison.AtMost);
            RuleFor(filter => filter).Must(filter => !((least.Value(filter) as long?) > (most.Value(filter) as long?))).OverridePropertyName(least.Name!)
                .WithMessage($"must not be {(least.Field.Kind == FieldKind.Time ? "after" : "more than")} {most.Name}.");
        }
    }
}
