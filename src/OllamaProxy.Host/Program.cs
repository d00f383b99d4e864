using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

if (ChildShim.IsMeant(args))
{
    return ChildShim.Run(args);
}

Terminal.LeaveModes();
return await CommandLine.RunAsync(args);
