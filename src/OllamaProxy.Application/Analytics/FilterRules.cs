using FluentValidation;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>What every filter must keep. Names are the query parameters', so that a message says which one to change.</summary>
internal sealed class FilterRules : AbstractValidator<RequestFilter>
{
    public FilterRules()
    {
        RuleFor(filter => filter).Must(filter => !(filter.From > filter.To)).OverridePropertyName("start_time").WithMessage("must not be after end_time.");
        RuleFor(filter => filter).Must(filter => !(filter.MinInputTokens > filter.MaxInputTokens)).OverridePropertyName("min_input_tokens")
            .WithMessage("must not be more than max_input_tokens.");
        RuleFor(filter => filter).Must(filter => !(filter.MinOutputTokens > filter.MaxOutputTokens)).OverridePropertyName("min_output_tokens")
            .WithMessage("must not be more than max_output_tokens.");
        RuleFor(filter => filter).Must(filter => !(filter.MinLatency > filter.MaxLatency)).OverridePropertyName("min_latency")
            .WithMessage("must not be more than max_latency.");
    }
}
