using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>An Ollama behind a web server: under a path, and behind TLS.</summary>
public sealed class BackendUrlTests
{
    private const string Models = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"models\":[]}";

    private const string Chunked =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}\n\n\r\n3\r\n[]\n\r\n0\r\n\r\n";

    [Theory]
    [InlineData("/ollama", "/ollama")]
    [InlineData("/ollama/", "/ollama")]
    [InlineData("/team%20a/ollama", "/team%20a/ollama")]
    [InlineData("/", "")]
    public async Task The_path_of_the_url_prefixes_every_path_of_Ollama(string path, string prefix)
    {
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Models))], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(
            new Uri(upstream.Address, path), new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["METRICS_APPEND_OLLAMA"] = "true" });
        var asSent = new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true };

        foreach (var target in (string[])["/api/chat?a=b%2Fc", "/test", "/metrics"])
        {
            using var answer = await proxy.Client.GetAsync(new Uri(proxy.Address + target[1..], asSent));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.Equal(
            [$"{prefix}/api/chat?a=b%2Fc", $"{prefix}/api/tags", $"{prefix}/metrics"],
            upstream.Requests.Select(request => Encoding.ASCII.GetString(request).Split(' ')[1]));
    }

    [Fact]
    public async Task An_Ollama_behind_tls_is_relayed_chunk_by_chunk()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The test must not change the certificate store of another system.");
        using var certificate = Certificate("localhost");
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-tls-");
        var file = Path.Combine(folder.FullName, "root.pem");
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem());
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Chunked))], close: false));
        await using var tls = new TlsFront(certificate, upstream.Port);
        await using var proxy = await ProxyProcess.StartAsync(Variables(tls, ("SSL_CERT_FILE", file)));
        const string Request = "GET /api/tags HTTP/1.1\r\nHost: mybox.lan\r\nContent-Type: a/b\r\nX: 1\r\nX: 2\r\n\r\n";

        for (var count = 0; count < 2; count++)
        {
            var answer = await RawHttp.SendAsync(proxy.Address.Port, Encoding.ASCII.GetBytes(Request), isHead: false);
            Assert.EndsWith(Chunked[Chunked.IndexOf("\r\n\r\n", StringComparison.Ordinal)..], Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
        }

        var head = Encoding.ASCII.GetString(upstream.Requests[^1]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["Content-Type: a/b", $"Host: localhost:{tls.Port}", "X: 1", "X: 2"], head.Skip(1).Order(StringComparer.Ordinal));
        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bodies_of_any_size_pass_behind_tls(bool isChunked)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The test must not change the certificate store of another system.");
        using var certificate = Certificate("localhost");
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-tls-");
        var file = Path.Combine(folder.FullName, "root.pem");
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem());
        // Echoes each request body, framing included.
        await using var upstream = new RawUpstream(async (connection, request) =>
        {
            var framing = isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {HttpMessage.Parse(request).RawBody.Length}";
            await connection.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            await connection.WriteAsync(HttpMessage.Parse(request).RawBody);
            return true;
        });
        await using var tls = new TlsFront(certificate, upstream.Port);
        await using var proxy = await ProxyProcess.StartAsync(Variables(tls, ("SSL_CERT_FILE", file)));

        foreach (var size in (int[])[0, 1, 4_097, 16_385, 32_769, (1 << 20) + 1, 3 << 20])
        {
            var body = new byte[size];
            new Random(size).NextBytes(body);
            byte[] chunk = size == 0 ? [] : [.. Encoding.ASCII.GetBytes($"{size:x}\r\n"), .. body, .. "\r\n"u8];
            byte[] framed = isChunked ? [.. chunk, .. "0\r\n\r\n"u8] : body;
            var head = $"POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\n{(isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {size}")}\r\n\r\n";

            var answer = await RawHttp.SendAsync(proxy.Address.Port, [Encoding.ASCII.GetBytes(head), framed]);

            Assert.True(body.AsSpan().SequenceEqual(HttpMessage.Parse(answer.Bytes).Body), $"{size}");
        }

        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task The_error_names_an_untrusted_certificate()
    {
        using var certificate = Certificate("other.example");
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Chunked))], close: false));
        await using var tls = new TlsFront(certificate, upstream.Port);
        await using var proxy = await ProxyProcess.StartAsync(Variables(tls, ("OLLAMA_POLL_SECONDS", "1")));
        using var client = new HttpClient { BaseAddress = proxy.Address };

        foreach (var path in (string[])["/api/tags", "/test"])
        {
            using var answer = await client.GetAsync(path);
            var text = await answer.Content.ReadAsStringAsync();

            Assert.False(answer.IsSuccessStatusCode);
            Assert.Contains("certificate", text, StringComparison.Ordinal);
        }

        await Eventually.TrueAsync(async () => (await client.GetStringAsync("/analytics/ollama")).Contains("certificate", StringComparison.Ordinal));
        Assert.DoesNotContain("inner exception", proxy.Output, StringComparison.Ordinal);
        Assert.Empty(upstream.Requests);
    }

    private static Dictionary<string, string?> Variables(TlsFront tls, (string, string) more) =>
        new(StringComparer.Ordinal) { ["OLLAMA_BACKEND_URL"] = $"https://localhost:{tls.Port}", ["OLLAMA_POLL_SECONDS"] = "0", [more.Item1] = more.Item2 };

    private static X509Certificate2 Certificate(string name)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>A web server that terminates TLS in front of a plain port.</summary>
    private sealed class TlsFront : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _accepting;

        public TlsFront(X509Certificate2 certificate, int port)
        {
            _listener.Start();
            _accepting = AcceptAsync(certificate, port);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _accepting;
            _listener.Dispose();
            _stop.Dispose();
        }

        private async Task AcceptAsync(X509Certificate2 certificate, int port)
        {
            List<Task> serving = [];
            try
            {
                while (true)
                {
                    serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token), certificate, port));
                }
            }
            catch (OperationCanceledException)
            {
            }

            await Task.WhenAll(serving);
        }

        private async Task ServeAsync(TcpClient client, X509Certificate2 certificate, int port)
        {
            using (client)
            {
                try
                {
                    await using var plain = new SslStream(client.GetStream());
                    await plain.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, _stop.Token);
                    using var behind = new TcpClient("127.0.0.1", port);
                    await Task.WhenAny(plain.CopyToAsync(behind.GetStream(), _stop.Token), behind.GetStream().CopyToAsync(plain, _stop.Token));
                }
                // A client that does not trust the certificate disconnects.
                catch (Exception exception) when (exception is IOException or AuthenticationException or OperationCanceledException)
                {
                }
            }
        }
    }
}
