using OllamaProxy.Bench.Load;
using OllamaProxy.Bench.Run;
using OllamaProxy.Bench.Upstream;

// One program, three processes: the run starts the upstream and the load client as child processes.
return args switch
{
    ["upstream"] => UpstreamServer.Run(),
    ["load"] => LoadProcess.Run(),
    ["run", var proxy, .. var options] => RunCommand.Execute(proxy, options),
    _ => 2,
};
