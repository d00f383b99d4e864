using System.Globalization;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>The key of a record: its number in one store, or its <c>request_id</c>, which is the same in every store.</summary>
public sealed record RecordKey
{
    private const int IdLength = 32;

    /// <summary>48 bits hold later times than .NET does.</summary>
    private static readonly long s_lastTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

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
    /// by time finds it. Ids of the original program are not UUIDs, so they need a search of all records.
    /// </summary>
    public async Task<RequestRecord?> FindAsync(IAnalyticsStore store, CancellationToken cancellationToken)
    {
        if (Number is { } number)
        {
            return await store.FindAsync(number, cancellationToken);
        }

        var filter = new RequestFilter { RequestId = RequestId };
        var milliseconds = long.Parse(RequestId.AsSpan(0, 12), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if (RequestId![12] == '7' && RequestId[16] is '8' or '9' or 'a' or 'b' && milliseconds <= s_lastTime)
        {
            var begin = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
            filter = filter with { From = begin, To = begin.AddTicks(TimeSpan.TicksPerMillisecond - 1) };
        }

        var page = await store.SearchAsync(new RequestQuery { Filter = filter, Limit = 1 }, cancellationToken);
        return page.Records is [var record, ..] ? record : null;
    }
}
