using System.Buffers;
using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Replaces the characters that PostgreSQL refuses: U+0000 and unpaired surrogates.</summary>
internal static class PostgresText
{
    /// <summary>Stands between prompt and answer in the folded text; neither contains it there.</summary>
    public const char Separator = '\u0002';

    private const char Symbol = '\u2400';

    private static readonly SearchValues<char> s_suspicious = SearchValues.Create([.. Enumerable.Range(0xD800, 0x800).Select(half => (char)half), '\0']);

    /// <summary>The text as it is kept: U+0000 as U+2400 (its visible symbol), half a surrogate pair as U+FFFD.</summary>
    public static string Of(string text)
    {
        if (text.AsSpan().IndexOfAny(s_suspicious) < 0)
        {
            return text;
        }

        var kept = text.ToCharArray();
        for (var index = 0; index < kept.Length; index++)
        {
            if (kept[index] == '\0')
            {
                kept[index] = Symbol;
            }
            else if (char.IsHighSurrogate(kept[index]) && index + 1 < kept.Length && char.IsLowSurrogate(kept[index + 1]))
            {
                index++;
            }
            else if (char.IsSurrogate(kept[index]))
            {
                kept[index] = '\uFFFD';
            }
        }

        return new string(kept);
    }

    /// <summary>The record as it is kept, which nearly always is the record itself.</summary>
    public static RequestRecord Of(RequestRecord record)
    {
        ReadOnlySpan<string?> texts =
        [
            record.Prompt, record.System, record.Response, record.Thinking, record.ToolCalls, record.RequestId, record.Model, record.Method, record.Error,
            record.FinishReason, record.ClientIp, record.UserAgent, record.Application, record.Target, record.KeepAlive,
            record.Proxy, record.Backend,
        ];
        foreach (var text in texts)
        {
            if (text.AsSpan().IndexOfAny(s_suspicious) >= 0)
            {
                return record with
                {
                    Prompt = OrNull(record.Prompt),
                    System = OrNull(record.System),
                    Response = OrNull(record.Response),
                    Thinking = OrNull(record.Thinking),
                    ToolCalls = OrNull(record.ToolCalls),
                    RequestId = Of(record.RequestId),
                    Model = OrNull(record.Model),
                    Method = Of(record.Method),
                    Error = OrNull(record.Error),
                    FinishReason = OrNull(record.FinishReason),
                    ClientIp = OrNull(record.ClientIp),
                    UserAgent = OrNull(record.UserAgent),
                    Application = OrNull(record.Application),
                    Target = OrNull(record.Target),
                    KeepAlive = OrNull(record.KeepAlive),
                    Proxy = OrNull(record.Proxy),
                    Backend = OrNull(record.Backend),
                };
            }
        }

        return record;
    }

    /// <summary>Prompt and answer as they are searched: case folded as in the other stores, whatever the collation of the database is.</summary>
    public static string? Fold(string? prompt, string? response) =>
        prompt is null && response is null ? null : $"{Fold(prompt ?? "")}{Separator}{Fold(response ?? "")}";

    public static string Fold(string text) => Of(text).ToUpperInvariant().Replace(Separator, '\u2402');

    private static string? OrNull(string? text) => text is null ? null : Of(text);

    /// <summary>A pattern of LIKE that matches what contains a text, literally.</summary>
    public static string Pattern(string text)
    {
        var pattern = new StringBuilder("%");
        foreach (var character in Fold(text))
        {
            pattern.Append(character is '%' or '_' or '\\' ? "\\" : "").Append(character);
        }

        return pattern.Append('%').ToString();
    }
}
