using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The lifetime of a cookie, and the delay after failed logins.</summary>
public sealed partial class ReaderAccessTests
{
    [Fact]
    public async Task A_cookie_expires_after_a_week_or_with_its_token()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var proxy = await StartAsync(Token, time: time);
        await using var other = await StartAsync(Token + "2", time: time);
        var cookie = (await LogInAsync(proxy, "Host: 10.0.0.1", Token)).Header("Set-Cookie")!.Split(';')[0];
        var request = $"GET /analytics/models HTTP/1.1\r\nHost: 10.0.0.1\r\nCookie: {cookie}\r\n\r\n";

        Assert.Equal(200, (await SendAsync(proxy, request)).Status);
        Assert.Equal(401, (await SendAsync(other, request)).Status);
        time.Advance(TimeSpan.FromDays(7.1));
        Assert.Equal(401, (await SendAsync(proxy, request)).Status);
    }

    [Fact]
    public async Task Failed_logins_delay_every_client_at_the_address_except_one_with_a_cookie()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var proxy = await StartAsync(Token, time: time);
        var cookie = (await LogInAsync(proxy, "Host: 10.0.0.1", Token)).Header("Set-Cookie")!.Split(';')[0];

        int[] statuses = [.. await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ => (await LogInAsync(proxy, "Host: 10.0.0.1", "guess")).Status))];
        var sixth = await LogInAsync(proxy, "Host: 10.0.0.1", Token);
        var bearer = await SendAsync(proxy, $"GET /analytics/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Token}\r\n\r\n");
        var loggedIn = await SendAsync(proxy, $"GET /analytics/models HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
        time.Advance(TimeSpan.FromSeconds(11));
        var later = await LogInAsync(proxy, "Host: 10.0.0.1", Token);

        Assert.Equal([401, 401, 401, 401, 401], statuses);
        Assert.Equal((429, "10"), (sixth.Status, sixth.Header("Retry-After")));
        Assert.Equal((429, 200, 303), (bearer.Status, loggedIn.Status, later.Status));
    }

    [Fact]
    public async Task Logins_that_began_before_the_first_failure_are_counted_too()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var proxy = await StartAsync(Token, time: time);
        const int Logins = 100;
        List<TcpClient> clients = [];
        try
        {
            foreach (var number in Enumerable.Range(0, Logins))
            {
                var form = $"token=guess-{number:d10}";
                clients.Add(new TcpClient("127.0.0.1", proxy.Port));
                await clients[^1].GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                    "POST /analytics/login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                    + $"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {form.Length}\r\n\r\ntoken=guess-"));
            }

            var answers = await Task.WhenAll(clients.Select(async (client, number) =>
            {
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"{number:d10}"));
                using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
                return (await reader.ReadToEndAsync()).Split(' ')[1];
            }));

            Assert.Equal((5, Logins - 5), (answers.Count(status => status == "401"), answers.Count(status => status == "429")));
            Assert.Equal("10", (await LogInAsync(proxy, "Host: 10.0.0.1", Token)).Header("Retry-After"));
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public async Task Behind_a_trusted_proxy_only_the_client_that_guessed_waits()
    {
        await using var proxy = await StartAsync(Token, trusted: "127.0.0.1");

        for (var count = 0; count < 5; count++)
        {
            Assert.Equal(401, (await ReadAsync("203.0.113.5", "wrong")).Status);
        }

        Assert.Equal(429, (await ReadAsync("203.0.113.5", Token)).Status);
        Assert.Equal(429, (await LogInAsync(proxy, "Host: 10.0.0.1\r\nX-Forwarded-For: 203.0.113.5", Token)).Status);
        Assert.Equal(200, (await ReadAsync("198.51.100.9", Token)).Status);

        Task<HttpMessage> ReadAsync(string client, string token) =>
            SendAsync(proxy, $"GET /analytics/models HTTP/1.1\r\nHost: 10.0.0.1\r\nX-Forwarded-For: {client}\r\nAuthorization: Bearer {token}\r\n\r\n");
    }
}
