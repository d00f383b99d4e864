using System.Text.Json;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Asks a port on this machine who it is, with short timeouts and without the system's HTTP proxy.</summary>
public sealed class BackendProbe : IDisposable
{
    private const string OllamaGreeting = "Ollama is running";

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ConnectTimeout = s_timeout, ActivityHeadersPropagator = null })
    {
        Timeout = s_timeout,
        MaxResponseContentBufferSize = 64 * 1024,
    };

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Who listens. An ollama-proxy answers like the Ollama behind it, so it is asked first for what only it has; anything that passes that path on to another
    /// ollama-proxy, this one included, is recognised by the same answer.
    /// </summary>
    public async Task<PortHolder> IdentifyAsync(Uri address, CancellationToken cancellationToken)
    {
        try
        {
            using (var health = await _client.GetAsync(new Uri(address, "/healthz"), cancellationToken))
            {
                if (health.Headers.Contains(PortHolder.ProxyHeader))
                {
                    return new PortHolder(PortHolderKind.Proxy, "another ollama-proxy");
                }
            }

            using var root = await _client.GetAsync(new Uri(address, "/"), cancellationToken);
            return root.IsSuccessStatusCode && (await root.Content.ReadAsStringAsync(cancellationToken)).Trim() == OllamaGreeting
                   && await VersionAsync(address, cancellationToken) is { } version
                ? new PortHolder(PortHolderKind.Ollama, $"an Ollama ({version})", version)
                : new PortHolder(PortHolderKind.Foreign, "another web server");
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError is HttpRequestError.ConnectionError)
        {
            return PortHolder.Nobody;
        }
        catch (HttpRequestException)
        {
            return new PortHolder(PortHolderKind.Foreign, "a program that does not speak HTTP");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new PortHolder(PortHolderKind.Foreign, "a program that does not answer");
        }
    }

    /// <summary>The version an Ollama tells, which is also the sign that it is ready; null when it does not answer like one.</summary>
    public async Task<string?> VersionAsync(Uri address, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync(new Uri(address, "/api/version"), cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                return null;
            }

            using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("version", out var version) ? version.ToString() : null;
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException or InvalidOperationException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public void Dispose() => _client.Dispose();
}
