using OllamaProxy.Bench.Load;
using OllamaProxy.Bench.Upstream;

return args switch
{
    ["upstream"] => UpstreamServer.Run(),
    ["load"] => LoadProcess.Run(),
    _ => 2,
};
