using System.Collections.Concurrent;
using MediatR;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.TestKit;

/// <summary>Collects every recorded exchange, from the same notification as the metrics and the store.</summary>
internal sealed class RecordedRequests : INotificationHandler<RequestRecorded>
{
    private readonly ConcurrentQueue<Exchange> _heard = new();

    public IReadOnlyList<Exchange> All => [.. _heard];

    public void Register(WebApplicationBuilder builder) => builder.Services.AddSingleton<INotificationHandler<RequestRecorded>>(this);

    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        _heard.Enqueue(notification.Exchange);
        return Task.CompletedTask;
    }

    /// <summary>The only exchange, once it is recorded.</summary>
    public async Task<Exchange> SingleAsync()
    {
        await Eventually.TrueAsync(() => !_heard.IsEmpty);
        return All.Count == 1 ? All[0] : throw new InvalidOperationException($"{All.Count} exchanges were recorded.");
    }

    /// <summary>
    /// Waits for exactly this many exchanges, in order of their start. An exchange is recorded after its client has the last byte, so the client's next
    /// one may be recorded first.
    /// </summary>
    public async Task<IReadOnlyList<Exchange>> AllAsync(int count)
    {
        await Eventually.TrueAsync(() => _heard.Count >= count);
        return All.Count == count
            ? [.. All.OrderBy(exchange => exchange.StartedAt)]
            : throw new InvalidOperationException($"{All.Count} exchanges were recorded, not {count}.");
    }
}
