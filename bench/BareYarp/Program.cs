using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Connections;
using OllamaProxy.Host.Threading;
using Yarp.ReverseProxy.Forwarder;

// The strongest contestant we can build: YARP's forwarder over HttpClient, compiled ahead of time, with inline sockets, blocks of 32 KiB
// and no spinning threads, like ollama-proxy itself. It records and logs nothing. Only the limits that would end a measurement (upload size, idle
// streams) are lifted. Usage: bare-yarp PORT UPSTREAM_URL
InlineSockets.Enable();
var (port, upstream) = (int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture), args[1]);
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.Services.AddHttpForwarder();
builder.Services.AddSingleton<IMemoryPoolFactory<byte>, WideBlocks>();
// The blocks are always large here.
WideBlocks.BeginUpload();
builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Limits.MaxRequestBodySize = null;
    kestrel.Limits.MinRequestBodyDataRate = null;
    kestrel.Limits.MinResponseDataRate = null;
    kestrel.Listen(IPAddress.Loopback, port);
});

var app = builder.Build();
using var invoker = new HttpMessageInvoker(new SocketsHttpHandler
{
    UseProxy = false,
    AllowAutoRedirect = false,
    AutomaticDecompression = DecompressionMethods.None,
    UseCookies = false,
    EnableMultipleHttp2Connections = true,
    ActivityHeadersPropagator = new ReverseProxyPropagator(DistributedContextPropagator.Current),
    ConnectTimeout = TimeSpan.FromSeconds(15),
});
var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
var options = new ForwarderRequestConfig { ActivityTimeout = Timeout.InfiniteTimeSpan, Version = HttpVersion.Version11,
    VersionPolicy = HttpVersionPolicy.RequestVersionExact };
app.Run(async context => await forwarder.SendAsync(context, upstream, invoker, options, HttpTransformer.Default));
app.Run();
