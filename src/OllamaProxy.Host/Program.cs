using OllamaProxy.Host;
using OllamaProxy.Host.Configuration;

var (settings, problems) = EnvironmentVariables.Read(EnvironmentVariables.OfProcess);
if (problems.Count > 0)
{
    foreach (var problem in problems)
    {
        Console.Error.WriteLine(problem);
    }

    return 2;
}

var app = ProxyHost.Build(settings);
await app.RunAsync();
return 0;
