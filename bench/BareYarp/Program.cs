using System.Diagnostics;
using System.Net;
using Yarp.ReverseProxy.Forwarder;

// What ollama-proxy is compared with: YARP's forwarder as its documentation shows it, ahead-of-time compiled, recording nothing and logging nothing. Only the
// limits that would end a measurement (upload size, quiet streams) are lifted.
// usage: bare-yarp PORT UPSTREAM_URL
var (port, upstream) = (int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture), args[1]);
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.Services.AddHttpForwarder();
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
var options = new ForwarderRequestConfig { ActivityTimeout = Timeout.InfiniteTimeSpan, Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
app.Run(async context => await forwarder.SendAsync(context, upstream, invoker, options, HttpTransformer.Default));
app.Run();
