namespace OllamaProxy.TestKit;

/// <summary>Finds programs that tests run beside the proxy, on this machine or as unpacked by <c>./build.sh test</c> into a folder of artifacts.</summary>
internal static class Programs
{
    /// <summary>The path of a program; null if it is not installed.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="artifact">The folder of artifacts for the unpacked program.</param>
    public static string? Find(string program, string artifact) =>
        new[] { Repository.PathOf("artifacts", artifact, "usr", "bin"), Repository.PathOf("artifacts", artifact, "usr", "sbin") }
            .Concat((Environment.GetEnvironmentVariables()["PATH"] as string ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            .Append("/usr/sbin")
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
}
