using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

return ChildShim.IsMeant(args) ? ChildShim.Run(args) : await CommandLine.RunAsync(args);
