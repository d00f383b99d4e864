using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

return args is [ChildShim.Verb, ..] ? ChildShim.Become(args) : await CommandLine.RunAsync(args);
