namespace OllamaProxy.TestKit;

/// <summary>Programs that tests put around the proxy: this machine's, or those that <c>./build.sh test</c> unpacks into a folder of artifacts.</summary>
internal static class Programs
{
    /// <summary>The file; null where there is none.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="artifact">The folder of artifacts it is unpacked into.</param>
    public static string? Find(string program, string artifact) =>
        new[] { Repository.PathOf("artifacts", artifact, "usr", "bin"), Repository.PathOf("artifacts", artifact, "usr", "sbin") }
            .Concat((Environment.GetEnvironmentVariables()["PATH"] as string ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            .Append("/usr/sbin")
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
}
