using System.Globalization;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>The key of a record: its number in one store, or its <c>request_id</c>, which is the same in every store.</summary>
public sealed record RecordKey
{
    private const int IdLength = 32;

    /// <summary>48 bits hold later times than .NET does.</summary>
    private static readonly ulong s_lastTime = (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <summary>Long before the original program: smaller numbers are other ids.</summary>
    private static readonly ulong s_firstTicks = (ulong)new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero).UtcTicks;

    private static readonly ulong s_lastTicks = (ulong)DateTimeOffset.MaxValue.UtcTicks;

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

    /// <summary>Finds the record. An id that says when its record was needs only the index by time; others need a search of all records.</summary>
    public async Task<RequestRecord?> FindAsync(IAnalyticsStore store, CancellationToken cancellationToken)
    {
        if (Number is { } number)
        {
            return await store.FindAsync(number, cancellationToken);
        }

        var (from, to) = TimesOf(RequestId!);
        var query = new RequestQuery { Filter = new RequestFilter { RequestId = RequestId, From = from, To = to }, Limit = 1 };
        return (await store.SearchAsync(query, cancellationToken)).Records is [var record, ..] ? record : null;
    }

    /// <summary>
    /// The first and the last possible time of a record. Ids of this program are UUIDs of version 7 (RFC 9562) and begin with milliseconds; those of imported
    /// records of the original program begin with ticks (<see cref="Import.OriginalRecords"/>).
    /// </summary>
    private static (DateTimeOffset? From, DateTimeOffset? To) TimesOf(string id)
    {
        var begin = ulong.Parse(id.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var (ticks, length) = id[16] switch
        {
            '8' or '9' or 'a' or 'b' when id[12] == '7' && begin >> 16 <= s_lastTime =>
                (DateTimeOffset.FromUnixTimeMilliseconds((long)(begin >> 16)).UtcTicks, TimeSpan.TicksPerMillisecond),
            '0' when begin > s_firstTicks && begin < s_lastTicks => ((long)(begin - (begin % TimeSpan.TicksPerMicrosecond)), TimeSpan.TicksPerMicrosecond),
            _ => (0L, 0L),
        };
        return length == 0 ? (null, null) : (new DateTimeOffset(ticks, TimeSpan.Zero), new DateTimeOffset(ticks + length - 1, TimeSpan.Zero));
    }
}
