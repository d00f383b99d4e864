using System.Runtime.InteropServices;
using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands.Diagnosis;

/// <summary><c>ollama-proxy doctor</c>: checks for common problems and explains their fixes. It changes nothing.</summary>
internal static class DoctorCommand
{
    private const int Indent = 6;

    public static async Task<int> RunAsync(SettingValues values, bool json, CancellationToken cancellationToken)
    {
        var (settings, problems) = EnvironmentVariables.Read(values);
        List<Finding> findings =
        [
            Finding.Ok("program", $"ollama-proxy {HelpText.Version}, {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}"),
            .. problems.Select(problem => Finding.Bad("settings", problem, "Correct it: the proxy does not start with this value.")),
            .. settings.Notices.Select(notice => Finding.Note("settings", notice)),
        ];
        await using (var api = await ApiSession.FindAsync(settings, null, cancellationToken))
        {
            findings.AddRange(await PortFindings.OfAsync(settings, api is not null, cancellationToken));
            findings.AddRange(await OllamaFindings.OfAsync(settings, api, cancellationToken));
            findings.AddRange(SurroundingsFindings.OfEnvironment(values.Get, settings));
            findings.AddRange(SurroundingsFindings.OfMachine(settings));
            findings.AddRange(await DatabaseFindings.OfAsync(settings, cancellationToken));
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
            var color = finding.Verdict switch { "ok" => Ansi.Green, "note" => Ansi.Cyan, "warn" => Ansi.Yellow, _ => Ansi.Red };
            var verdict = Terminal.Paint(color, finding.Verdict) + new string(' ', Indent - finding.Verdict.Length);
            Terminal.WriteHanging(verdict, Indent, $"{finding.About}: {Terminal.Plain(finding.Text)}");
            if (finding.Advice is { } advice)
            {
                Terminal.WriteHanging($"{new string(' ', Indent)}{Terminal.Paint(Ansi.Bold, "->")} ", Indent + 3, advice);
            }
        }

        var (bad, warn) = (findings.Count(finding => finding.Verdict == "bad"), findings.Count(finding => finding.Verdict == "warn"));
        Console.Out.WriteLine();
        Console.Out.WriteLine((bad, warn) switch
        {
            (0, 0) => Terminal.Paint(Ansi.Green, "No problems found."),
            (0, _) => Terminal.Paint(Ansi.Yellow, $"{Amount.Of(warn, "warning")}."),
            (_, 0) => Terminal.Paint(Ansi.Red, $"{Amount.Of(bad, "problem")}."),
            _ => Terminal.Paint(Ansi.Red, $"{Amount.Of(bad, "problem")}, {Amount.Of(warn, "warning")}."),
        });
    }
}
