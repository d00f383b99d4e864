namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Finds the <c>ollama</c> executable: the configured path, PATH, then the folders of its installers.</summary>
public static class OllamaExecutable
{
    /// <summary>The path; null when not found. Never this program itself under the name <c>ollama</c>: it would start itself endlessly.</summary>
    public static string? Find(OllamaOptions options) =>
        options.ExecutablePath is { } named ? Named(named) : Candidates(options.SearchPath).FirstOrDefault(path => IsExecutable(path) && !IsThisProgram(path));

    /// <summary>A folder means the executable in it: users paste what <c>where</c> or an installer shows.</summary>
    private static string? Named(string path)
    {
        var full = Path.GetFullPath(path);
        return Directory.Exists(full) ? Named(Path.Combine(full, FileName)) : IsExecutable(full) ? full : null;
    }

    private static string FileName => OperatingSystem.IsWindows() ? "ollama.exe" : "ollama";

    private static IEnumerable<string> Candidates(string? searchPath) =>
        (searchPath ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(Path.IsPathRooted)
            .Concat(KnownFolders())
            .Select(folder => Path.Combine(folder, FileName));

    private static IEnumerable<string> KnownFolders()
    {
        if (OperatingSystem.IsWindows())
        {
            yield return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "Programs", "Ollama");
            yield return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "Ollama");
            yield break;
        }

        yield return "/usr/local/bin";
        yield return "/usr/bin";
        yield return "/bin";
        if (OperatingSystem.IsMacOS())
        {
            yield return "/opt/homebrew/bin";
            yield return "/Applications/Ollama.app/Contents/Resources";
        }
        else
        {
            yield return "/opt/ollama/bin";
            yield return "/opt/ollama";
            yield return "/snap/bin";
        }
    }

    private static bool IsThisProgram(string path) =>
        Path.GetFullPath(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path).Equals(
            Environment.ProcessPath, OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    private static bool IsExecutable(string path) =>
        File.Exists(path)
        && (OperatingSystem.IsWindows()
            || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);
}
