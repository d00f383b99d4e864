using System.Globalization;
using Npgsql;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Which PostgreSQL database holds the records, and how to log in. Only <see cref="Name"/> may be shown.</summary>
public sealed class PostgresDatabase
{
    /// <summary>Seconds to wait for a connection.</summary>
    private const int ConnectSeconds = 10;

    /// <summary>Connections of one proxy: one writes, the others answer questions.</summary>
    private const int Connections = 8;

    /// <summary>libpq's names of what a URL may set, with Npgsql's.</summary>
    private static readonly Dictionary<string, string> s_urlParameters = new(StringComparer.OrdinalIgnoreCase)
    {
        ["sslmode"] = "SSL Mode",
        ["sslrootcert"] = "Root Certificate",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["sslpassword"] = "SSL Password",
        ["connect_timeout"] = "Timeout",
        ["application_name"] = "Application Name",
        ["target_session_attrs"] = "Target Session Attributes",
        ["host"] = "Host",
        ["port"] = "Port",
        ["user"] = "Username",
        ["password"] = "Password",
        ["dbname"] = "Database",
        ["passfile"] = "Passfile",
    };

    private PostgresDatabase(NpgsqlConnectionStringBuilder settings)
    {
        ConnectionString = settings.ConnectionString;
        Name = string.Create(CultureInfo.InvariantCulture, $"postgres://{settings.Host}:{settings.Port}/{settings.Database ?? settings.Username}");
    }

    /// <summary>Host, port and database, without the login.</summary>
    public string Name { get; }

    internal string ConnectionString { get; }

    /// <summary>Reads a <c>postgres://</c> URL or an Npgsql connection string. The problem names what is wrong and never contains a value.</summary>
    public static (PostgresDatabase? Database, string? Problem) Parse(string text)
    {
        var isUrl = text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase);
        var settings = new NpgsqlConnectionStringBuilder();
        if ((isUrl ? ReadUrl(text, settings) : ReadString(text, settings)) is { } problem)
        {
            return (null, problem);
        }

        if (string.IsNullOrEmpty(settings.Host))
        {
            return (null, "names no host");
        }

        if (settings.Pooling is false || settings.Multiplexing)
        {
            return (null, "must not set Pooling or Multiplexing");
        }

        // PgBouncer in transaction mode gives each transaction another session, so nothing may be kept in one.
        settings.NoResetOnClose = true;
        settings.MaxAutoPrepare = 0;
        settings.Enlist = false;
        settings.PersistSecurityInfo = false;
        // A name in the error would be enough; a row in it would be a person's prompt.
        settings.IncludeErrorDetail = false;
        settings.ApplicationName ??= "ollama-proxy";
        SetUnlessGiven(settings, "Timeout", ConnectSeconds);
        SetUnlessGiven(settings, "Maximum Pool Size", Connections);
        SetUnlessGiven(settings, "Keepalive", 30);
        SetUnlessGiven(settings, "GssEncryptionMode", "Disable");
        return (new PostgresDatabase(settings), null);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static void SetUnlessGiven(NpgsqlConnectionStringBuilder settings, string keyword, object value)
    {
        if (!settings.ShouldSerialize(keyword))
        {
            settings[keyword] = value;
        }
    }

    private static string? ReadString(string text, NpgsqlConnectionStringBuilder settings)
    {
        try
        {
            settings.ConnectionString = text;
            return null;
        }
        // Npgsql's message may contain the value.
        catch (Exception exception) when (exception is ArgumentException or FormatException or OverflowException or InvalidCastException)
        {
            return "is neither a postgres:// URL nor an Npgsql connection string (Host=...;Username=...;Password=...;Database=...)";
        }
    }

    private static string? ReadUrl(string text, NpgsqlConnectionStringBuilder settings)
    {
        // System.Uri refuses several hosts and an empty one, which libpq accepts, so the parts are taken apart here.
        var rest = text[(text.IndexOf("://", StringComparison.Ordinal) + 3)..];
        var query = "";
        if (rest.IndexOf('?', StringComparison.Ordinal) is >= 0 and var mark)
        {
            (rest, query) = (rest[..mark], rest[(mark + 1)..]);
        }

        var login = "";
        if (rest.LastIndexOf('@') is >= 0 and var at)
        {
            (login, rest) = (rest[..at], rest[(at + 1)..]);
        }

        var (hosts, database) = rest.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash ? (rest[..slash], rest[(slash + 1)..]) : (rest, "");
        List<(string Keyword, string Value)> values = [("Host", Uri.UnescapeDataString(hosts)), ("Database", Uri.UnescapeDataString(database))];
        if (!hosts.Contains(',', StringComparison.Ordinal) && hosts.LastIndexOf(':') is >= 0 and var colon && !hosts.EndsWith(']'))
        {
            values[0] = ("Host", Uri.UnescapeDataString(hosts[..colon]));
            values.Add(("Port", hosts[(colon + 1)..]));
        }

        values[0] = (values[0].Keyword, values[0].Value.Trim('[', ']'));
        var user = login.Split(':', 2);
        values.Add(("Username", Uri.UnescapeDataString(user[0])));
        values.Add(("Password", user.Length == 2 ? Uri.UnescapeDataString(user[1]) : ""));
        foreach (var parameter in query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(part => part.Split('=', 2)))
        {
            if (!s_urlParameters.TryGetValue(parameter[0], out var keyword) || parameter.Length < 2)
            {
                return $"has a parameter that is not known; known ones are {string.Join(", ", s_urlParameters.Keys)}";
            }

            var value = Uri.UnescapeDataString(parameter[1]);
            values.Add((keyword, keyword is "SSL Mode" or "Target Session Attributes" ? value.Replace("-", "", StringComparison.Ordinal) : value));
        }

        foreach (var (keyword, value) in values.Where(value => value.Value.Length > 0))
        {
            try
            {
                settings[keyword] = value;
            }
            catch (Exception exception) when (exception is ArgumentException or FormatException or OverflowException or InvalidCastException)
            {
                return $"has an invalid value for {keyword}";
            }
        }

        return null;
    }
}
