using System.Globalization;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>What a record is found by: its number in the store, or its <c>request_id</c>, which is the same everywhere.</summary>
public sealed record RecordKey
{
    private const int IdLength = 32;

    /// <summary>The position in the store; null for a request id.</summary>
    public long? Number { get; private init; }

    /// <summary>32 hexadecimal digits in lower case; null for a number.</summary>
    public string? RequestId { get; private init; }

    /// <summary>Reads a whole number from 0, or a request id with or without dashes; null for any other text.</summary>
    public static RecordKey? Parse(string text)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && text.Length < IdLength)
        {
            return new RecordKey { Number = number };
        }

        var id = text.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
        return id.Length == IdLength && id.All(char.IsAsciiHexDigit) ? new RecordKey { RequestId = id } : null;
    }

    public override string ToString() => RequestId ?? Number!.Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// Finds the record. A request id of this program is a UUID of version 7 (RFC 9562), which begins with the milliseconds of the record's time: so the index
    /// by time finds it. Ids of imported records are not, and all records are searched for them.
    /// </summary>
    public async Task<RequestRecord?> FindAsync(IAnalyticsStore store, CancellationToken cancellationToken)
    {
        if (Number is { } number)
        {
            return await store.FindAsync(number, cancellationToken);
        }

        var filter = new RequestFilter { RequestId = RequestId };
        if (RequestId![12] == '7' && RequestId[16] is '8' or '9' or 'a' or 'b')
        {
            var begin = DateTimeOffset.FromUnixTimeMilliseconds(
                long.Parse(RequestId.AsSpan(0, 12), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            filter = filter with { From = begin, To = begin.AddTicks(TimeSpan.TicksPerMillisecond - 1) };
        }

        var page = await store.SearchAsync(new RequestQuery { Filter = filter, Limit = 1 }, cancellationToken);
        return page.Records is [var record, ..] ? record : null;
    }
}
