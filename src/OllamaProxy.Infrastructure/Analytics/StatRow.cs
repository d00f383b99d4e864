using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The values of one record that statistics need.</summary>
/// <param name="TimestampUs">When the request arrived: microseconds since the Unix epoch.</param>
/// <param name="Labels">The labels of hourly sums.</param>
/// <param name="Client">The client's address; null when unknown.</param>
/// <param name="ErrorType">Null for a success.</param>
/// <param name="Fact">The values.</param>
internal readonly record struct StatRow(long TimestampUs, StatLabels Labels, string? Client, string? ErrorType, StatFact Fact)
{
    public static StatRow Of(RequestRecord record) => new(
        Micros.Of(record.Timestamp),
        StatLabels.Of(record),
        record.ClientIp,
        record.ErrorType?.Name(),
        StatFact.Of(record));

    public string? this[StatDimension dimension] => dimension switch
    {
        StatDimension.Client => Client,
        StatDimension.ErrorType => ErrorType,
        _ => Labels.Values[StatLabel.IndexOf(dimension)],
    };
}
