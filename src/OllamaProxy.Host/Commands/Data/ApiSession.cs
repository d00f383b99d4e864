using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Installation;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands.Data;

/// <summary>
/// The analytics API for the commands: of the running proxy, or, without one, of a temporary one over the same store. Commands see the same records with the
/// same filters either way.
/// </summary>
internal sealed class ApiSession : IAsyncDisposable
{
    private readonly WebApplication? _own;

    private ApiSession(Uri address, string? token, WebApplication? own)
    {
        (Address, _own) = (address, own);
        Client = ClientOf(address, token);
    }

    /// <summary>The address of the API.</summary>
    public Uri Address { get; }

    public HttpClient Client { get; }

    /// <summary>Opens the session. Throws <see cref="CommandException"/> without a proxy and a store.</summary>
    /// <param name="settings">Where the proxy listens and the store is.</param>
    /// <param name="url">A proxy on another host; null looks on this machine.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<ApiSession> OpenAsync(ProxySettings settings, Uri? url, CancellationToken cancellationToken) =>
        await FindAsync(settings, url, cancellationToken) ?? (url is null
            ? await OpenStoreAsync(settings, cancellationToken)
            : throw new CommandException($"no ollama-proxy answers on {url}. Check the address, and that the proxy is running."));

    /// <summary>Connects to the running proxy; null without one.</summary>
    public static async Task<ApiSession?> FindAsync(ProxySettings settings, Uri? url, CancellationToken cancellationToken)
    {
        using var probe = new BackendProbe();
        foreach (var address in url is not null ? [url] : AddressesOf(settings.Proxy))
        {
            if ((await probe.IdentifyAsync(address, cancellationToken)).Kind == PortHolderKind.Proxy)
            {
                // Send the token of this machine's service only to the proxy of this machine.
                return new ApiSession(address, settings.Access.Token ?? (url is null ? EarlierSettings.OfInstalledService("ANALYTICS_TOKEN") : null), null);
            }
        }

        return null;
    }

    /// <summary>Requests JSON. Throws <see cref="CommandException"/> with the API's error.</summary>
    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(HttpMethod.Get, path, cancellationToken);
        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        return await JsonSerializer.DeserializeAsync(body, type, cancellationToken) ?? throw new CommandException($"{Address} sent an empty response.");
    }

    /// <summary>Sends a request and returns the response before its body is read. Throws <see cref="CommandException"/> with the API's error.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken)
    {
        HttpResponseMessage answer;
        try
        {
            using var request = new HttpRequestMessage(method, Address.At(path));
            answer = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            throw new CommandException($"{Address} does not answer ({exception.Reason()}).");
        }

        if (answer.IsSuccessStatusCode)
        {
            return answer;
        }

        using (answer)
        {
            throw new CommandException(await ProblemAsync(answer, cancellationToken))
            {
                ExitCode = answer.StatusCode == HttpStatusCode.BadRequest ? ExitCodes.CannotStart : ExitCodes.Failed,
            };
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }
    }

    /// <summary>The addresses at which this machine reaches its proxy.</summary>
    public static IEnumerable<Uri> AddressesOf(ProxyOptions options) =>
        from address in options.Addresses
        let reachable = address.Equals(IPAddress.Any) ? IPAddress.Loopback : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : address
        where options.Port > 0
        select new Uri($"http://{new IPEndPoint(reachable, options.Port)}");

    private static HttpClient ClientOf(Uri address, string? token)
    {
        // No timeout, because an export can take long.
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = !address.IsLoopback, AllowAutoRedirect = false,
            ActivityHeadersPropagator = null }) { Timeout = Timeout.InfiniteTimeSpan };
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return client;
    }

    private static async Task<ApiSession> OpenStoreAsync(ProxySettings settings, CancellationToken cancellationToken)
    {
        var folder = Path.GetFullPath(settings.Analytics.Directory);
        if (settings.Analytics.Backend == "none")
        {
            throw new CommandException("no proxy runs here, and ANALYTICS_BACKEND=none keeps no records.");
        }

        if (settings.Analytics.Database is null && !Directory.Exists(folder))
        {
            throw new CommandException(
                $"no proxy runs here, and the folder {folder} does not exist. Name the proxy (--url), or the folder of its records (--analytics-dir).");
        }

        var builder = ProxyHost.CreateBuilder(settings with { Proxy = settings.Proxy with { Port = 0, Addresses = [IPAddress.Loopback] } });
        // Ctrl+C must end the command, not this host.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var app = builder.Build();
        app.UseRouting();
        app.MapLocal(LocalEndpoints.All);
        try
        {
            await app.Services.GetRequiredService<IAnalyticsStore>().OpenAsync(cancellationToken);
            await app.StartAsync(cancellationToken);
            return new ApiSession(new Uri(app.Urls.First()), settings.Access.Token, app);
        }
        catch (AnalyticsStoreException exception)
        {
            await app.DisposeAsync();
            throw new CommandException(exception.Message);
        }
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private async Task<string> ProblemAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            return $"{Address} denies this command access: set ANALYTICS_TOKEN to the token of the proxy, "
                + "or run it as a user who may read the service's settings (sudo).";
        }

        try
        {
            var problem = JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(cancellationToken), AnalyticsJson.Relaxed.ProblemJson);
            return problem?.Errors is { Count: > 0 } errors
                ? string.Join(Environment.NewLine + "  ", errors.SelectMany(error => error.Value, (error, text) => $"{FilterOptions.NameOf(error.Key)} {text}"))
                : $"{problem?.Title}{(problem?.Detail is { } detail ? $": {detail}" : ".")}";
        }
        catch (JsonException)
        {
            return $"{Address} answered with status {(int)answer.StatusCode}.";
        }
    }
}

/// <summary>The command failed; the message is readable by a person.</summary>
internal sealed class CommandException(string message) : Exception(message)
{
    public int ExitCode { get; init; } = ExitCodes.Failed;
}
