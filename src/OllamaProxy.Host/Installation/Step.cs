namespace OllamaProxy.Host.Installation;

/// <summary>
/// One step of an installation, as data. A plan is a list of steps that can be printed (<c>--dry-run</c>), tested on any machine, and run by
/// <see cref="StepRunner"/>.
/// </summary>
/// <param name="Says">The step in words.</param>
internal abstract record Step(string Says);

/// <summary>Copies the running program to the place from which the service runs it.</summary>
internal sealed record CopyProgram(string From, string To) : Step($"copy the program to {To}");

internal sealed record MakeFolder(string Path) : Step($"create the folder {Path}");

/// <summary>Replaces a text file.</summary>
internal sealed record WriteText(string Path, string Text, bool IsPrivate = false) : Step($"write {Path}");

/// <summary>A file of variables: created if missing; afterwards it belongs to the user, and only requested settings change.</summary>
internal sealed record SetVariables(string Path, string Text, IReadOnlyDictionary<string, string> Variables)
    : Step($"write {Path}; if it exists, {(Variables.Count == 0 ? "keep it unchanged" : $"only set {string.Join(", ", Variables.Keys)} in it")}");

/// <summary>Does nothing if the file is missing.</summary>
internal sealed record RemoveFile(string Path) : Step($"remove {Path}");

/// <summary>Does nothing if the folder is missing.</summary>
internal sealed record RemoveFolder(string Path) : Step($"remove the folder {Path} and everything in it");

/// <summary>Does nothing if the file is missing.</summary>
internal sealed record MoveFile(string From, string To) : Step($"move {From} to {To}");

/// <summary>Runs another program, which must exit with 0 unless it may fail.</summary>
internal sealed record RunProgram(string Program, IReadOnlyList<string> Arguments, bool MayFail = false) : Step($"run {Program} {string.Join(' ', Arguments)}");

/// <summary>Creates a Windows service.</summary>
/// <param name="Name">The service name.</param>
/// <param name="DisplayName">The display name.</param>
/// <param name="Description">One sentence.</param>
/// <param name="CommandLine">Quoted where the path has spaces.</param>
/// <param name="Account">The account; null for LocalSystem.</param>
/// <param name="Environment">Variables of the service only.</param>
internal sealed record SetWindowsService(
    string Name, string DisplayName, string Description, string CommandLine, string? Account, IReadOnlyDictionary<string, string> Environment)
    : Step($"set up the service {Name} ({CommandLine}), started with a delay, restarted after 5, 10 and 30 s, as {Account ?? "LocalSystem"}, with "
        + $"{string.Join(", ", Environment.Select(pair => $"{pair.Key}={pair.Value}"))}");

internal sealed record StartWindowsService(string Name) : Step($"start the service {Name}");

/// <summary>Stops the service first. Does nothing if it is missing.</summary>
internal sealed record RemoveWindowsService(string Name) : Step($"stop and remove the service {Name}");

/// <summary>Without a source, the Event Log shows numbers instead of texts.</summary>
internal sealed record AddEventSource(string Name) : Step($"register {Name} with the Event Log");

internal sealed record RemoveEventSource(string Name) : Step($"remove {Name} from the Event Log's sources");

internal sealed record AwaitProxy(int Port) : Step($"wait until the proxy answers on port {Port}");
