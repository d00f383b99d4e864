using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.FunctionalTests.Otlp;

/// <summary>A receiver of OTLP, as Protocol Buffers over HTTP and over gRPC. It keeps the spans and metrics it got.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<ResourceMetrics> _metrics = new();
    private readonly ConcurrentQueue<ResourceSpans> _spans = new();

    private OtlpReceiver(WebApplication app)
    {
        _app = app;
    }

    /// <summary>The base address for OTEL_EXPORTER_OTLP_PROTOCOL.</summary>
    public string AddressFor(string protocol)
    {
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return protocol == "grpc" ? addresses.Last() : addresses.First();
    }

    public IEnumerable<Span> Spans => _spans.SelectMany(resource => resource.ScopeSpans).SelectMany(scope => scope.Spans);

    public IEnumerable<Resource> Resources => _spans.Select(spans => spans.Resource).Concat(_metrics.Select(metrics => metrics.Resource));

    /// <summary>The last data point of each metric, by name.</summary>
    public IReadOnlyDictionary<string, Metric> Metrics =>
        _metrics.SelectMany(resource => resource.ScopeMetrics).SelectMany(scope => scope.Metrics).GroupBy(metric => metric.Name)
            .ToDictionary(group => group.Key, group => group.Last(), StringComparer.Ordinal);

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<OtlpReceiver>(provider => provider.GetRequiredService<Holder>().Receiver!);
        builder.Services.AddSingleton<Holder>();
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.Services.GetRequiredService<Holder>().Receiver = receiver;
        app.MapGrpcService<MetricsOverGrpc>();
        app.MapGrpcService<SpansOverGrpc>();
        app.MapPost("/v1/metrics", (RequestDelegate)(async context => receiver.Take(await ReadAsync(context, ExportMetricsServiceRequest.Parser))));
        app.MapPost("/v1/traces", (RequestDelegate)(async context => receiver.Take(await ReadAsync(context, ExportTraceServiceRequest.Parser))));
        await app.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static async Task<T> ReadAsync<T>(HttpContext context, MessageParser<T> parser)
        where T : IMessage<T>
    {
        Assert.Equal("application/x-protobuf", context.Request.ContentType);
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        context.Response.ContentType = "application/x-protobuf";
        return parser.ParseFrom(body.ToArray());
    }

    private void Take(ExportMetricsServiceRequest request)
    {
        foreach (var metrics in request.ResourceMetrics)
        {
            _metrics.Enqueue(metrics);
        }
    }

    private void Take(ExportTraceServiceRequest request)
    {
        foreach (var spans in request.ResourceSpans)
        {
            _spans.Enqueue(spans);
        }
    }

    /// <summary>Gives the receiver to the services, which gRPC creates itself.</summary>
    private sealed class Holder
    {
        public OtlpReceiver? Receiver { get; set; }
    }

    private sealed class MetricsOverGrpc(OtlpReceiver receiver) : MetricsService.MetricsServiceBase
    {
        public override Task<ExportServiceResponse> Export(ExportMetricsServiceRequest request, ServerCallContext context)
        {
            receiver.Take(request);
            return Task.FromResult(new ExportServiceResponse());
        }
    }

    private sealed class SpansOverGrpc(OtlpReceiver receiver) : TraceService.TraceServiceBase
    {
        public override Task<ExportServiceResponse> Export(ExportTraceServiceRequest request, ServerCallContext context)
        {
            receiver.Take(request);
            return Task.FromResult(new ExportServiceResponse());
        }
    }
}
