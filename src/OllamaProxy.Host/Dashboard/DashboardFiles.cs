using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace OllamaProxy.Host.Dashboard;

/// <summary>One file of the dashboard in one encoding.</summary>
/// <param name="Bytes">The body as sent.</param>
/// <param name="Encoding">The Content-Encoding; null for none.</param>
/// <param name="ETag">Differs for each content and encoding.</param>
internal sealed record DashboardFile(ReadOnlyMemory<byte> Bytes, string? Encoding, string ETag);

/// <summary>
/// The dashboard's files, which the build embeds from <c>Dashboard/web</c>: each one plain, and compressed at the highest level, which would take too long at
/// run time.
/// </summary>
internal static class DashboardFiles
{
    private const string Prefix = "dashboard/";

    /// <summary>Smallest first: the suffix of the resource, and the name in Accept-Encoding.</summary>
    private static readonly (string Ending, string? Encoding)[] s_encodings = [(".br", "br"), (".gz", "gzip"), ("", null)];

    private static readonly FrozenDictionary<string, Lazy<DashboardFile[]>> s_files = Find();

    /// <summary>Names of all files, such as <c>assets/index-1a2b3c4d.js</c>.</summary>
    public static IEnumerable<string> Names => s_files.Keys;

    /// <summary>A file in the smallest encoding the client takes; null when there is no such file.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="accepted">The request's Accept-Encoding.</param>
    public static DashboardFile? Get(string name, string accepted) =>
        s_files.TryGetValue(name, out var encodings) ? encodings.Value.First(file => file.Encoding is null || Accepts(accepted, file.Encoding)) : null;

    /// <summary>True when the list names the word without refusing it (<c>;q=0</c>).</summary>
    private static bool Accepts(string accepted, string encoding) =>
        StringWithQualityHeaderValue.TryParseList([accepted], out var words)
            && words.Any(word => word.Value.Equals(encoding, StringComparison.OrdinalIgnoreCase) && word.Quality is not 0);

    private static FrozenDictionary<string, Lazy<DashboardFile[]>> Find()
    {
        var assembly = typeof(DashboardFiles).Assembly;
        var all = assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);
        return all.Where(name => !name.EndsWith(".br", StringComparison.Ordinal) && !name.EndsWith(".gz", StringComparison.Ordinal))
            .ToFrozenDictionary(
                name => name[Prefix.Length..],
                name => new Lazy<DashboardFile[]>(() => [.. s_encodings.Where(encoding => all.Contains(name + encoding.Ending)).Select(
                    encoding => Read(assembly, name + encoding.Ending, encoding.Encoding))]),
                StringComparer.Ordinal);
    }

    private static DashboardFile Read(Assembly assembly, string name, string? encoding)
    {
        using var stream = assembly.GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return new DashboardFile(bytes, encoding, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))[..16]}\"");
    }
}
