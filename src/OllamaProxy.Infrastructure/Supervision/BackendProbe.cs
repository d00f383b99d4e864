using System.Text.Json;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Identifies the program on a local port, with short timeouts and without the system's HTTP proxy.</summary>
public sealed class BackendProbe : IDisposable
{
    private const string OllamaGreeting = "Ollama is running";

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false,
        ConnectTimeout = s_timeout, ActivityHeadersPropagator = null })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = 64 * 1024,
    };

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Identifies the listener. An ollama-proxy answers like the Ollama behind it, so its own path is requested first. That also recognizes anything that
    /// forwards to an ollama-proxy, this one included.
    /// </summary>
    public async Task<PortHolder> IdentifyAsync(Uri address, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_timeout);
        try
        {
            using (var health = await _client.GetAsync(address.At("/healthz"), limit.Token))
            {
                if (health.Headers.Contains(PortHolder.ProxyHeader))
                {
                    var instance = health.Headers.TryGetValues(PortHolder.InstanceHeader, out var values) ? values.FirstOrDefault() : null;
                    return new PortHolder(PortHolderKind.Proxy, "another ollama-proxy") { Instance = instance };
                }
            }

            using var root = await _client.GetAsync(address.At("/"), limit.Token);
            return root.IsSuccessStatusCode && (await root.Content.ReadAsStringAsync(limit.Token)).Trim() == OllamaGreeting
                   && await VersionAsync(address, s_timeout, cancellationToken) is { } version
                ? new PortHolder(PortHolderKind.Ollama, $"an Ollama ({version})", version)
                : new PortHolder(PortHolderKind.Foreign, "another web server");
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError is HttpRequestError.ConnectionError)
        {
            return PortHolder.None;
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

    /// <summary>Ollama's version, which also shows that it is ready; null when the response is not one of Ollama.</summary>
    /// <remarks>Ollama answers this itself: it loads no model and needs no slot, whatever the models are doing.</remarks>
    public async Task<string?> VersionAsync(Uri address, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            using var response = await _client.GetAsync(address.At("/api/version"), limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                return null;
            }

            using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(limit.Token));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("version", out var version)
                ? version.ToString()
                : null;
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
