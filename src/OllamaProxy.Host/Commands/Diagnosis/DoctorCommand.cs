using System.Runtime.InteropServices;
using System.Text.Json;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands.Diagnosis;

/// <summary><c>ollama-proxy doctor</c>: looks at everything that goes wrong in practice, changes nothing, and says in plain words what to do.</summary>
internal static class DoctorCommand
{
    public static async Task<int> RunAsync(SettingValues values, bool json, CancellationToken cancellationToken)
    {
        var (settings, problems) = EnvironmentVariables.Read(values);
        List<Finding> findings =
        [
            Finding.Ok("program", $"ollama-proxy {HelpText.Version}, {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}"),
            .. problems.Select(problem => Finding.Bad("settings", problem, "Correct it; the proxy does not start with it.")),
            .. settings.Notices.Select(notice => Finding.Note("settings", notice)),
        ];
        await using (var api = await ApiSession.FindAsync(settings, null, cancellationToken))
        {
            findings.AddRange(await PortFindings.OfAsync(settings, api is not null, cancellationToken));
            findings.AddRange(await OllamaFindings.OfAsync(settings, api, cancellationToken));
            findings.AddRange(SurroundingsFindings.OfEnvironment(values.Get, settings));
            findings.AddRange(SurroundingsFindings.OfMachine(settings));
        }

        if (json)
        {
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize([.. findings], FindingJsonContext.Default.FindingArray));
        }
        else
        {
            Show(findings);
        }

        return findings.Exists(finding => finding.Verdict == "bad") ? ExitCodes.Failed : ExitCodes.Success;
    }

    private static void Show(List<Finding> findings)
    {
        foreach (var finding in findings)
        {
            Console.Out.WriteLine($"{finding.Verdict,-5} {finding.About}: {Terminal.Plain(finding.Text)}");
            if (finding.Advice is { } advice)
            {
                Console.Out.WriteLine($"      -> {advice}");
            }
        }

        var (bad, warn) = (findings.Count(finding => finding.Verdict == "bad"), findings.Count(finding => finding.Verdict == "warn"));
        Console.Out.WriteLine();
        Console.Out.WriteLine(bad + warn == 0 ? "Nothing is wrong." : $"{bad} wrong, {warn} to look at.");
    }
}
