using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.Host.Configuration;

/// <summary>
/// Maps environment variables to options; nothing else reads the environment (docs/configuration.md lists the same rows; a test compares). A new setting needs
/// an option property and one row here.
/// </summary>
internal static partial class EnvironmentVariables
{
    /// <param name="Name">The variable.</param>
    /// <param name="Default">The default as text.</param>
    /// <param name="Range">The accepted values, in words.</param>
    /// <param name="Meaning">One sentence.</param>
    /// <param name="Apply">Applies the text to the settings; null for an invalid text.</param>
    internal sealed record Row(string Name, string Default, string Range, string Meaning, Func<ProxySettings, string, ProxySettings?> Apply)
    {
        /// <summary>True when no message may show the value.</summary>
        public bool IsSecret { get; init; }
    }

    /// <summary>Replaces a secret.</summary>
    public const string Hidden = "(hidden)";

    public static IReadOnlyList<Row> All { get; } =
    [
        new("PROXY_PORT", "11434", "0 to 65535 (0: any free port)", "The port that applications connect to.",
            (settings, text) => Integer(text, 0, 65_535) is { } port ? settings with { Proxy = settings.Proxy with { Port = port } } : null),
        new("PROXY_HOST", "127.0.0.1 and [::1]", "IP addresses, separated by commas; 0.0.0.0 or :: for every address",
            "The addresses to listen on. Any address but loopback opens the proxy to the network.",
            (settings, text) => Addresses(text) is { } addresses ? settings with { Proxy = settings.Proxy with { Addresses = addresses } } : null),
        new("PROXY_NAME", "the machine's name", "1 to 64 visible ASCII characters", "The proxy's name in records.",
            (settings, text) => IsName(text) ? settings with { Recording = settings.Recording with { ProxyName = text } } : null),
        new("PROXY_ALLOWED_HOSTS", "", "host names, separated by commas", "Host names that /analytics and /test accept, besides localhost and IP addresses.",
            (settings, text) => HostNames(text) is { } names ? settings with { Access = settings.Access with { AllowedHosts = names } } : null),
        new("PROXY_INJECT_USAGE", "false", "true or false",
            "Ask Ollama for the token counts of OpenAI streams when the client did not, and remove them from the response.",
            (settings, text) => Boolean(text) is { } inject ? settings with { Proxy = settings.Proxy with { InjectUsage = inject } } : null),
        new("PROXY_PROPAGATE_TRACE", "false", "true or false",
            "Send Ollama the traceparent of the request's own span instead of the client's. By default no header is added.",
            (settings, text) =>
                Boolean(text) is { } propagate ? settings with { OpenTelemetry = settings.OpenTelemetry with { PropagatesTrace = propagate } } : null),
        new("TRUSTED_PROXIES", "", "IP addresses, networks (10.0.0.0/8) and localhost, separated by commas",
            "Proxies in front whose Forwarded and X-Forwarded-For headers name the client.",
            (settings, text) =>
                TrustedNetworks.Parse(text) is { } networks ? settings with { Proxy = settings.Proxy with { TrustedProxies = networks } } : null),
        new("OLLAMA_BACKEND_PORT", "11435", "1 to 65535", "The private port of the real Ollama.",
            (settings, text) =>
                Integer(text, 1, 65_535) is { } port ? settings with { Ollama = settings.Ollama with { BackendPort = port, BackendPortChosen = true } } : null),
        new("OLLAMA_BACKEND_URL", "", "an http or https URL, with a path before Ollama's own paths (not /v1, /api) but no password or query",
            "The URL of an Ollama elsewhere. The proxy then starts none.",
            (settings, text) => HttpUrl(text) is { } url ? settings with { Ollama = settings.Ollama with { BackendUrl = url } } : null),
        new("OLLAMA_EXECUTABLE_PATH", "", "a path", "The ollama executable, if it is not on PATH.",
            (settings, text) => settings with { Ollama = settings.Ollama with { ExecutablePath = text } }),
        new("OLLAMA_HOST", "", "an address of this machine",
            "Ollama's own variable: where the Ollama that the proxy starts listens (default: 127.0.0.1 and OLLAMA_BACKEND_PORT). Ignored when it names the "
                + "proxy's port.",
            (settings, text) => settings with { OllamaHost = text }),
        new("OLLAMA_POLL_SECONDS", "10", "0 to 3600 (0: never)",
            "How often the proxy asks Ollama which models are loaded, while a page, scrape or command asked within the last minute; otherwise once a minute.",
            (settings, text) =>
                Integer(text, 0, 3_600) is { } seconds ? settings with { Ollama = settings.Ollama with { PollPeriod = TimeSpan.FromSeconds(seconds) } } : null),
        new("OLLAMA_HEALTH_INTERVAL_SECONDS", "30", "1 to 3600",
            "How often the proxy checks that Ollama answers. After three failed checks in a row it replaces an Ollama that it started.",
            (settings, text) =>
                Integer(text, 1, 3_600) is { } seconds
                    ? settings with { Ollama = settings.Ollama with { HealthPause = TimeSpan.FromSeconds(seconds) } }
                    : null),
        new("OLLAMA_HANG_SECONDS", "0", "0 to 86400 (0: never)",
            "Replace the Ollama that the proxy started when it sent no byte for any running inference for this long. Must exceed the longest load and prompt.",
            (settings, text) =>
                Integer(text, 0, 86_400) is { } seconds ? settings with { Ollama = settings.Ollama with { HangAfter = TimeSpan.FromSeconds(seconds) } } : null),
        new("OLLAMA_START_WAIT_SECONDS", "30", "0 to 3600 (0: not at all)", "How long requests wait for a starting Ollama before they get 503.",
            (settings, text) =>
                Integer(text, 0, 3_600) is { } seconds ? settings with { Ollama = settings.Ollama with { StartWait = TimeSpan.FromSeconds(seconds) } } : null),
        new("SHUTDOWN_DELAY_SECONDS", "0", "0 to 600",
            "How long a stop still accepts requests while /healthz answers 503, so that a load balancer can take the proxy out first.",
            (settings, text) =>
                Integer(text, 0, 600) is { } seconds ? settings with { Proxy = settings.Proxy with { ShutdownDelay = TimeSpan.FromSeconds(seconds) } } : null),
        new("SHUTDOWN_GRACE_SECONDS", "10", "0 to 3600", "How long a stop waits for running and queued requests.",
            (settings, text) =>
                Integer(text, 0, 3_600) is { } seconds
                    ? settings with { Proxy = settings.Proxy with { ShutdownGrace = TimeSpan.FromSeconds(seconds) } }
                    : null),
        new("MAX_CONCURRENT_REQUESTS", "50", "1 to 100000", "Inferences sent to Ollama at once. Further ones queue in the proxy; other requests never queue.",
            (settings, text) => Integer(text, 1, 100_000) is { } count ? settings with { Gate = settings.Gate with { MaxConcurrent = count } } : null),
        new("MAX_QUEUED_REQUESTS", "512", "0 to 100000 (0: no queue)", "Inferences that may queue. Further ones get 503 with Retry-After.",
            (settings, text) => Integer(text, 0, 100_000) is { } count ? settings with { Gate = settings.Gate with { MaxQueued = count } } : null),
        new("QUEUE_TIMEOUT_SECONDS", "0", "0 to 86400 (0: no limit)", "How long an inference may queue before it gets 503.",
            (settings, text) =>
                Integer(text, 0, 86_400) is { } seconds ? settings with { Gate = settings.Gate with { QueueTimeout = TimeSpan.FromSeconds(seconds) } } : null),
        new("ANALYTICS_BACKEND", "sqlite", string.Join(", ", AnalyticsBackends.Names), "Where records of requests are stored.",
            (settings, text) =>
                AnalyticsBackends.Names.Contains(text, StringComparer.Ordinal)
                    ? settings with { Analytics = settings.Analytics with { Backend = text } }
                    : null),
        new("ANALYTICS_DATABASE_URL", "", "a postgres:// URL, or an Npgsql connection string (Host=...;Username=...;Password=...;Database=...)",
            "The database of ANALYTICS_BACKEND=postgres. Never shown.",
            (settings, text) =>
                PostgresDatabase.Parse(text).Database is { } database
                    ? settings with { Analytics = settings.Analytics with { Database = database } }
                    : null) { IsSecret = true },
        new("ANALYTICS_DATABASE_URL_FILE", "", "a file", "A file that holds ANALYTICS_DATABASE_URL, for example a container's secret.",
            (settings, text) => settings with { DatabaseFile = text }),
        new("ANALYTICS_SPOOL_MB", "512", "0 to 1000000 (0: none)", "Megabytes of records that may wait in ANALYTICS_DIR while the database does not answer.",
            (settings, text) =>
                Integer(text, 0, 1_000_000) is { } size ? settings with { Analytics = settings.Analytics with { SpoolMegabytes = size } } : null),
        new("ANALYTICS_DIR", "./ollama_analytics", "a folder", "The folder of the analytics store.",
            (settings, text) => settings with { Analytics = settings.Analytics with { Directory = text } }),
        new("ANALYTICS_REQUIRED", "false", "true or false",
            "Do not start when the analytics store cannot be opened. By default the proxy serves without it and retries.",
            (settings, text) => Boolean(text) is { } required ? settings with { Analytics = settings.Analytics with { IsRequired = required } } : null),
        new("ANALYTICS_RETENTION_DAYS", "7", "0 to 36500 (0: forever)", "Days to keep records.",
            (settings, text) => Integer(text, 0, 36_500) is { } days ? settings with { Analytics = settings.Analytics with { RetentionDays = days } } : null),
        new("ANALYTICS_TEXT_RETENTION_DAYS", "0", "0 to 36500 (0: as long as the record)", "Days to keep the texts of records.",
            (settings, text) =>
                Integer(text, 0, 36_500) is { } days ? settings with { Analytics = settings.Analytics with { TextRetentionDays = days } } : null),
        new("ANALYTICS_MAX_SIZE_MB", "0", "0 to 10000000 (0: no limit)", "Size of the store in megabytes above which the oldest records are removed.",
            (settings, text) =>
                Integer(text, 0, 10_000_000) is { } size ? settings with { Analytics = settings.Analytics with { MaxSizeMegabytes = size } } : null),
        new("ANALYTICS_FLUSH_MS", "250", "0 to 60000", "Milliseconds a record may wait for a batch. A crash loses at most the records of that time.",
            (settings, text) =>
                Integer(text, 0, 60_000) is { } pause
                    ? settings with { Recording = settings.Recording with { FlushInterval = TimeSpan.FromMilliseconds(pause) } }
                    : null),
        new("ANALYTICS_TRACK", "all", "all, work (leaves out polling), inference", "Which requests are stored. /metrics counts all of them.",
            (settings, text) => Word<TrackMode>(text) is { } track ? settings with { Recording = settings.Recording with { Track = track } } : null),
        new("TRACK_EMBEDDINGS", "true", "true or false", "Store embedding requests too.",
            (settings, text) => Boolean(text) is { } track ? settings with { Recording = settings.Recording with { TrackEmbeddings = track } } : null),
        new("ANALYTICS_CAPTURE", "preview", "preview, full (64 KiB per text), none (no text at all)", "How much of prompts and responses is stored.",
            (settings, text) => Word<CaptureMode>(text) is { } capture ? settings with { Recording = settings.Recording with { Capture = capture } } : null),
        new("ANALYTICS_PREVIEW_LENGTH", "1000", "0 to 1000000", "Characters stored of each prompt and response with ANALYTICS_CAPTURE=preview.",
            (settings, text) =>
                Integer(text, 0, 1_000_000) is { } length ? settings with { Recording = settings.Recording with { PreviewLength = length } } : null),
        new("ANALYTICS_REDACT", "none", $"none, all, or any of {string.Join(", ", BuiltInPatterns.Names)}, separated by commas",
            "Patterns to redact in texts before they are stored.",
            (settings, text) => RedactionSettings.Names(text) is { } names ? settings with { Recording = settings.Recording with { Redact = names } } : null),
        new("ANALYTICS_REDACT_PATTERNS", "", "regular expressions, one per line or separated by ;;", "Your own patterns to redact.",
            (settings, text) => settings with { Recording = settings.Recording with { RedactPatterns = RedactionSettings.Patterns(text) } }),
        new("ANALYTICS_TOKEN", "", "16 to 512 visible ASCII characters",
            "The token that /analytics and /test require. Without it, only this machine may read them.",
            (settings, text) => IsSecret(text) ? settings with { Access = settings.Access with { Token = text } } : null) { IsSecret = true },
        new("ANALYTICS_TRUST_LOCAL", "false", "true or false", "Let this machine read without ANALYTICS_TOKEN, unless another proxy forwarded the request.",
            (settings, text) => Boolean(text) is { } trust ? settings with { Access = settings.Access with { TrustsLocal = trust } } : null),
        new("METRICS_MAX_MODELS", "100", "1 to 1000", "Distinct model names in /metrics; further ones are counted as \"other\".",
            (settings, text) => Integer(text, 1, 1_000) is { } models ? settings with { Metrics = settings.Metrics with { MaxModels = models } } : null),
        new("METRICS_PORT", "", "0 to 65535 (0: any free port)",
            "A separate port for /metrics, on the addresses of PROXY_HOST. On the proxy's port, /metrics then goes to Ollama.",
            (settings, text) => Integer(text, 0, 65_535) is { } port ? settings with { Scrape = settings.Scrape with { Port = port } } : null),
        new("METRICS_TOKEN", "", "16 to 512 visible ASCII characters",
            "The bearer token that /metrics requires. Without it, everyone who can connect may read.",
            (settings, text) => IsSecret(text) ? settings with { Scrape = settings.Scrape with { Token = text } } : null) { IsSecret = true },
        new("METRICS_APPEND_OLLAMA", "false", "true or false", "Append Ollama's own metrics, where it has any.",
            (settings, text) => Boolean(text) is { } append ? settings with { Scrape = settings.Scrape with { AppendsOllama = append } } : null),
        new("LOG_LEVEL", "info", "trace, debug, info, warn, error, none", "The lowest level that is logged. info has a line for each request.",
            (settings, text) => Level(text) is { } level ? settings with { Log = settings.Log with { Level = level } } : null),
        new("LOG_FORMAT", "text", "text, json", "How the log is written, on the console and in files: for people, or one JSON object per line.",
            (settings, text) => text is "text" or "json" ? settings with { Log = settings.Log with { Json = text == "json" } } : null),
        new("LOG_DIR", "", "a folder", "A folder for log files, bounded in size and number.",
            (settings, text) => settings with { Log = settings.Log with { Directory = text } }),
        new("LOG_MAX_SIZE_MB", "10", "1 to 10000", "Megabytes per log file, after which the next one begins.",
            (settings, text) => Integer(text, 1, 10_000) is { } size ? settings with { Log = settings.Log with { MaxSizeMegabytes = size } } : null),
        new("LOG_MAX_FILES", "5", "1 to 1000", "Log files to keep.",
            (settings, text) => Integer(text, 1, 1_000) is { } files ? settings with { Log = settings.Log with { MaxFiles = files } } : null),
    ];

    /// <summary>OpenTelemetry's own variables. Its SDK receives the values read here, and does not read the environment itself.</summary>
    public static IReadOnlyList<string> OpenTelemetry { get; } =
    [
        "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT",
        "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
    ];

    /// <summary>The process environment.</summary>
#pragma warning disable RS0030 // This is the one place that reads the environment.
    public static string? OfProcess(string name) => Environment.GetEnvironmentVariable(name);
#pragma warning restore RS0030

    /// <summary>The interval of systemd's watchdog; null without one (sd_watchdog_enabled(3)).</summary>
    public static TimeSpan? WatchdogInterval() =>
        long.TryParse(OfProcess("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var micros) && micros > 0
            ? TimeSpan.FromMicroseconds(micros)
            : null;

    /// <summary>The names of all variables of the process.</summary>
    public static IEnumerable<string> NamesOfProcess() => Environment.GetEnvironmentVariables().Keys.Cast<string>();

    /// <summary>Reads every variable and collects all problems. With any problem, the settings must not be used.</summary>
    /// <param name="get">The source of values: the process environment, or a test's dictionary.</param>
    /// <param name="names">All variable names, to find misspelled ones; null skips that.</param>
    public static (ProxySettings Settings, IReadOnlyList<string> Problems) Read(Func<string, string?> get, IEnumerable<string>? names = null) =>
        Read(new SettingValues(get, names ?? [], new Dictionary<string, string>()));

    /// <summary>Reads every setting; the command line overrides the environment.</summary>
    public static (ProxySettings Settings, IReadOnlyList<string> Problems) Read(SettingValues values)
    {
        var settings = new ProxySettings();
        List<string> problems = [];
        foreach (var row in All)
        {
            var text = values.Get(row.Name)?.Trim();
            if (string.IsNullOrEmpty(text))
            {
                continue;
            }

            if (row.Apply(settings, text) is { } applied)
            {
                settings = applied;
            }
            else
            {
                var name = values.NameOf(row.Name);
                if (row.Name == DatabaseSettings.Url)
                {
                    problems.Add($"{name}: {PostgresDatabase.Parse(text).Problem}.");
                    continue;
                }

                problems.Add(row.IsSecret ? $"{name}: must be {row.Range}." : $"{name}=\"{Shown(row.Name, text)}\": must be {row.Range}.");
            }
        }

        settings = WithOpenTelemetry(settings, values.Get, problems);
        settings = OllamaHost.Apply(settings, problems);
        settings = DatabaseSettings.Apply(settings, values, problems);
        problems.AddRange(PortProblems(settings));
        problems.AddRange(RedactionSettings.Problems(settings.Recording.RedactPatterns));
        return (settings with
        {
            Ollama = settings.Ollama with
            {
                ProxyPort = settings.Proxy.Port, SearchPath = values.Get("PATH"), WithheldVariables = SecretNames(values.Get).ToArray(),
            },
            Notices = [.. settings.Notices, .. AccessNotices(settings), .. Misspelled.Notices(values.Names, [.. All.Select(row => row.Name)])],
        }, problems);
    }

    private static ProxySettings WithOpenTelemetry(ProxySettings settings, Func<string, string?> get, List<string> problems)
    {
        var set = OpenTelemetry.Select(name => (Name: name, Value: get(name)?.Trim())).Where(variable => !string.IsNullOrEmpty(variable.Value))
            .ToFrozenDictionary(variable => variable.Name, variable => variable.Value!, StringComparer.Ordinal);
        var options = set.Count == 0 ? settings.OpenTelemetry : settings.OpenTelemetry with { Variables = set };
        problems.AddRange(options.Problems());
        return settings with
        {
            OpenTelemetry = options,
            Notices = options is { PropagatesTrace: true, ExportsTraces: false }
                ? [.. settings.Notices, "PROXY_PROPAGATE_TRACE does nothing while no traces are sent: set OTEL_EXPORTER_OTLP_ENDPOINT."]
                : settings.Notices,
        };
    }

    /// <summary>Formats a value for a message: without credentials, on one line, and cut.</summary>
    internal static string Shown(string name, string text) => Cut(WithoutCredentials(name, text));

    internal static string Cut(string text) => (text.Length > 80 ? $"{TextCut.Beginning(text, 80)}…" : text).ReplaceLineEndings(" ");

    /// <summary>
    /// Removes possible secrets of a URL: everything before the last @, the query and the fragment. The URL may be invalid, so a password with a slash is
    /// covered too.
    /// </summary>
    internal static string WithoutCredentials(string name, string text)
    {
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0 && name is not ("OLLAMA_BACKEND_URL" or "OLLAMA_HOST") && !name.EndsWith("_ENDPOINT", StringComparison.Ordinal))
        {
            return text;
        }

        if (text.LastIndexOf('@') is >= 0 and var at)
        {
            text = $"{(scheme >= 0 && scheme < at ? text[..(scheme + 3)] : "")}{Hidden}{text[at..]}";
        }

        return text.AsSpan().IndexOfAny('?', '#') is >= 0 and var query ? $"{text[..(query + 1)]}{Hidden}" : text;
    }

    /// <summary>The set variables that contain a secret, either always or inside a URL.</summary>
    public static IEnumerable<string> SecretNames(Func<string, string?> get) =>
        from name in All.Select(row => row.Name).Concat(OpenTelemetry)
        let text = get(name)
        where text is { Length: > 0 } && (IsSecretName(name) || WithoutCredentials(name, text) != text)
        select name;

    private static bool IsSecretName(string name) => name.EndsWith("_HEADERS", StringComparison.Ordinal) || All.Any(row => row.IsSecret && row.Name == name);

    private static IEnumerable<string> AccessNotices(ProxySettings settings)
    {
        var isOpen = settings.Access.Token is null || settings.Access.TrustsLocal;
        if (isOpen && settings.Proxy.TrustedProxies.Any(network => network.Contains(IPAddress.Loopback) || network.Contains(IPAddress.IPv6Loopback)))
        {
            yield return "TRUSTED_PROXIES names this machine. If the proxy here adds no header, its clients can read /analytics like this machine: "
                + (settings.Access.TrustsLocal ? "unset ANALYTICS_TRUST_LOCAL." : "set ANALYTICS_TOKEN.");
        }
    }

    private static IEnumerable<string> PortProblems(ProxySettings settings)
    {
        var (port, ollama) = (settings.Proxy.Port, settings.Ollama);
        if (settings.Scrape.Port is > 0 and var metrics && (metrics == port || (ollama.BackendUrl is null && metrics == ollama.BackendPort)))
        {
            yield return $"METRICS_PORT={metrics}: is {(metrics == port ? "PROXY_PORT, which serves /metrics by default" : "OLLAMA_BACKEND_PORT")}; it must be "
                + "a different port.";
        }

        if (port == 0)
        {
            yield break;
        }

        if (ollama.BackendUrl is null && port == ollama.BackendPort)
        {
            yield return $"PROXY_PORT and OLLAMA_BACKEND_PORT are both {port}: the proxy and Ollama need different ports.";
        }

        if (ollama.BackendUrl is { IsLoopback: true } url && port == url.Port)
        {
            yield return $"OLLAMA_BACKEND_URL=\"{Cut(url.ToString())}\": is the proxy itself (PROXY_PORT {port}); it must be the URL of Ollama.";
        }
    }
}
