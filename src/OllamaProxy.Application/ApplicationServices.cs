using MediatR;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Import;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;

namespace OllamaProxy.Application;

/// <summary>Everything this layer brings, by name: an assembly scan would not survive Native AOT, and a missing line here fails a test.</summary>
public static class ApplicationServices
{
    public static IServiceCollection AddApplication(this IServiceCollection services)
    {
        services.AddMetrics();
        services.AddSingleton<ProxyMetrics>();
        services.AddSingleton<ExchangeQueue>();
        services.AddSingleton<RecordBatch>();
        services.AddSingleton<StoreHealth>();
        services.AddSingleton<Redactor>();
        services.AddSingleton<RecordTexts>();
        services.AddSingleton<TrackingRules>();
        services.AddSingleton(provider => new TruncationDetector(provider.GetRequiredService<OllamaWatch>().ContextLengthOf));
        services.AddSingleton<ModelLoads>();
        services.AddSingleton<ModelNames>();
        services.AddSingleton<OllamaWatch>();

        services.AddSingleton<ServiceFactory>(provider => provider.GetService!);
        services.AddSingleton<IMediator, Mediator>();
        services.AddSingleton<IRequestHandler<RecordExchange, Domain.RequestRecord>, RecordExchangeHandler>();
        services.AddSingleton<IRequestHandler<SearchRequests, SearchResult>, SearchRequestsHandler>();
        services.AddSingleton<IRequestHandler<ExportRequests, ExportResult>, ExportRequestsHandler>();
        services.AddSingleton<IRequestHandler<GetStats, StatsResult>, GetStatsHandler>();
        services.AddSingleton<IRequestHandler<FindRequest, FindResult>, FindRequestHandler>();
        services.AddSingleton<IRequestHandler<ListModels, ModelsResult>, ListModelsHandler>();
        services.AddSingleton<IRequestHandler<DeleteRequest, DeleteResult>, DeleteRequestHandler>();
        services.AddSingleton<IRequestHandler<DeleteRequests, DeleteResult>, DeleteRequestsHandler>();
        services.AddSingleton<IRequestHandler<ImportInteractions, ImportResult>, ImportInteractionsHandler>();
        services.AddSingleton<IRequestHandler<ImportRecords, ImportResult>, ImportRecordsHandler>();

        // Published in this order: metrics first, so that a broken store never costs a metric.
        services.AddSingleton<INotificationHandler<RequestRecorded>, UpdateMetrics>();
        services.AddSingleton<INotificationHandler<RequestRecorded>, StoreRecord>();
        services.AddSingleton<INotificationHandler<RequestRecorded>, LogRequest>();
        return services;
    }
}
