using System.Collections.Concurrent;
using MediatR;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.TestKit;

/// <summary>Hears every announcement of a record, as the metrics and the store do.</summary>
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
    /// Exactly so many exchanges, once they are recorded, in order of their beginnings: an exchange ends after its client has the last byte, so the client's next
    /// one may end first.
    /// </summary>
    public async Task<IReadOnlyList<Exchange>> AllAsync(int count)
    {
        await Eventually.TrueAsync(() => _heard.Count >= count);
        return All.Count == count ? [.. All.OrderBy(exchange => exchange.StartedAt)] : throw new InvalidOperationException($"{All.Count} exchanges were recorded, not {count}.");
    }
}
