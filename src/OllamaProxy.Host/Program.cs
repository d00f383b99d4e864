using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

if (ChildShim.Handles(args))
{
    return await ChildShim.RunAsync(args);
}

Terminal.LeaveModes();
return await CommandLine.RunAsync(args);
