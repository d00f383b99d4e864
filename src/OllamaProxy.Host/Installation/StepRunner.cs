using System.ComponentModel;
using System.Diagnostics;
using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Installation;

/// <summary>Runs the steps of a plan in order, and prints each.</summary>
/// <param name="root">A folder that replaces the root of the file system: files are written under it and nothing is run. Null for the machine itself.</param>
/// <param name="show">Removes secrets from a text.</param>
internal sealed class StepRunner(string? root, Func<string, string> show)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);

    /// <summary>Throws <see cref="CommandException"/> at the first step that fails: earlier steps stay, and the same plan can run again.</summary>
    public async Task RunAsync(IReadOnlyList<Step> plan, CancellationToken cancellationToken)
    {
        foreach (var step in plan)
        {
            await Console.Out.WriteLineAsync(show($"- {step.Says}"));
            try
            {
                await RunAsync(step, cancellationToken);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or Win32Exception)
            {
                throw new CommandException(show($"could not {step.Says}: {exception.Message}"));
            }
        }
    }

    private async Task RunAsync(Step step, CancellationToken cancellationToken)
    {
        switch (step)
        {
            case CopyProgram copy:
                Copy(copy.From, Place(copy.To));
                break;
            case MakeFolder folder:
                Directory.CreateDirectory(Place(folder.Path));
                break;
            case WriteText write:
                Write(Place(write.Path), write.Text, write.IsPrivate);
                break;
            case SetVariables set:
                // The file may contain tokens.
                var path = Place(set.Path);
                Write(path, File.Exists(path) ? EnvironmentFile.With(await File.ReadAllTextAsync(path, cancellationToken), set.Variables) : set.Text,
                    isPrivate: true);
                break;
            case RemoveFile file:
                File.Delete(Place(file.Path));
                break;
            case RemoveFolder folder when Directory.Exists(Place(folder.Path)):
                Directory.Delete(Place(folder.Path), recursive: true);
                break;
            case MoveFile move when File.Exists(Place(move.From)):
                Directory.CreateDirectory(Path.GetDirectoryName(Place(move.To))!);
                File.Move(Place(move.From), Place(move.To), overwrite: true);
                break;
            case RemoveFolder or MoveFile:
                break;
            case var _ when root is not null:
                await Console.Out.WriteLineAsync("  (not under --root)");
                break;
            case RunProgram run:
                await RunAsync(run, cancellationToken);
                break;
            case AwaitProxy wait:
                await AwaitAsync(wait.Port, cancellationToken);
                break;
            case var windows when OperatingSystem.IsWindows():
                WindowsServices.Run(windows);
                break;
            default:
                throw new CommandException($"this system cannot {step.Says}.");
        }
    }

    private string Place(string path) => root is null ? path : Path.Combine(root, path.TrimStart('/'));

    /// <summary>Writes a temporary file and renames it, because the old program may be running.</summary>
    private static void Copy(string from, string to)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to + ".new", overwrite: true);
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode ReadAndExecute = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
                | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
            File.SetUnixFileMode(to + ".new", ReadAndExecute | UnixFileMode.UserWrite);
        }

        File.Move(to + ".new", to, overwrite: true);
    }

    private static void Write(string path, string text, bool isPrivate)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | (
                isPrivate ? UnixFileMode.None : UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        using var writer = new StreamWriter(path, options);
        writer.Write(text);
    }

    private static async Task RunAsync(RunProgram run, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(run.Program, run.Arguments) { UseShellExecute = false, RedirectStandardError = true })!;
        var error = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0 && !run.MayFail)
        {
            throw new CommandException($"{run.Program} {string.Join(' ', run.Arguments)} failed with exit code {process.ExitCode}: {error.Trim()}");
        }
    }

    private static async Task AwaitAsync(int port, CancellationToken cancellationToken)
    {
        var begun = TimeProvider.System.GetTimestamp();
        var settings = new ProxySettings { Proxy = new ProxyOptions { Port = port } };
        while (TimeProvider.System.GetElapsedTime(begun) < s_patience)
        {
            await using var api = await ApiSession.FindAsync(settings, null, cancellationToken);
            if (api is not null)
            {
                return;
            }

            await Task.Delay(s_poll, TimeProvider.System, cancellationToken);
        }

        throw new CommandException($"everything is installed, but no proxy answers on port {port}. "
            + $"{(OperatingSystem.IsWindows() ? "The Event Log and the log folder have the reason." : "Its log has the reason: journalctl -u ollama-proxy")}");
    }
}
