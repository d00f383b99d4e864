using System.Globalization;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands.Diagnosis;

/// <summary>Harmful variables, and the resources of the machine.</summary>
internal static class SurroundingsFindings
{
    private const long LittleSpace = 1_000_000_000;

    /// <summary>A variable, its harmful values, their effect, and the fix.</summary>
    private static readonly (string Name, Func<string, bool> Hurts, string What, string Advice)[] s_known =
    [
        ("OLLAMA_KEEP_ALIVE", text => text is "0" or "0s" or "0m", "unloads a model after each response, so every request loads it again.",
            "Unset it (default: 5 minutes), or set it to minutes."),
        ("OLLAMA_KEEP_ALIVE", text => text.StartsWith('-'), "never unloads a model, so its memory is never freed.",
            "Unset it when other programs need the GPU."),
        ("OLLAMA_DEBUG", text => text is not ("0" or "false"), "fills the log; from 2 on, with prompts and responses too.", "Unset it after debugging."),
        ("OLLAMA_DEBUG_LOG_REQUESTS", text => text is not ("0" or "false"), "writes every prompt into a file of the temporary folder.", "Unset it."),
        ("OLLAMA_MAX_LOADED_MODELS", text => text == "1", "lets a second model evict the first: models used in turn are loaded each time.",
            "Unset it when memory allows."),
        ("OLLAMA_LOAD_TIMEOUT", text => text.TrimEnd('s', 'm', 'h') == "0" || text.StartsWith('-'), "never aborts a load that hangs.",
            "Unset it (default: 5 minutes)."),
        ("OLLAMA_ORIGINS", text => text.Split(',').Any(part => part == "*"), "lets every web page use Ollama.", "Name the origins you need."),
        ("OLLAMA_ORIGINS", text => text.Split(',').Any(part => part != part.Trim() || (part != "*" && !part.Contains("://", StringComparison.Ordinal))),
            "has an entry without a scheme, or with spaces: Ollama exits at its start with code 2.", "Write http://host, separated by commas without spaces."),
        ("OLLAMA_SCHED_SPREAD", text => text is not ("0" or "false"), "spreads a model over all GPUs even when it fits into one, which is slower.",
            "Unset it unless you need it."),
        ("OLLAMA_LLM_LIBRARY", text => text.StartsWith("cpu", StringComparison.OrdinalIgnoreCase), "forces Ollama onto the CPU.", "Unset it."),
    ];

    public static IEnumerable<Finding> OfEnvironment(Func<string, string?> get, ProxySettings settings)
    {
        foreach (var (name, hurts, what, advice) in s_known)
        {
            if (get(name)?.Trim().Trim('"', '\'') is { Length: > 0 } text && hurts(text))
            {
                yield return Finding.Warn("environment", $"{name}={EnvironmentVariables.Cut(text)} {what}", advice);
            }
        }

        if (int.TryParse(get("OLLAMA_NUM_PARALLEL"), NumberStyles.None, CultureInfo.InvariantCulture, out var parallel)
            && parallel > settings.Gate.MaxConcurrent)
        {
            yield return Finding.Warn("environment",
                $"OLLAMA_NUM_PARALLEL={parallel}, but the proxy forwards {settings.Gate.MaxConcurrent} inferences at once.", "Raise MAX_CONCURRENT_REQUESTS.");
        }

        if (get("CUDA_VISIBLE_DEVICES") is "" or "-1")
        {
            yield return Finding.Warn("environment", "CUDA_VISIBLE_DEVICES hides every GPU from Ollama.", "Unset it.");
        }
    }

    public static IEnumerable<Finding> OfMachine(ProxySettings settings)
    {
        if (settings.Analytics.Backend == "none")
        {
            yield return Finding.Note("records", "off (ANALYTICS_BACKEND=none).");
            yield break;
        }

        var folder = Path.GetFullPath(settings.Analytics.Directory);
        yield return WriteProblem(folder) is { } problem
            ? Finding.Bad("records", $"{folder} cannot be written ({problem}).", "Set ANALYTICS_DIR to a folder this user may write to.")
            : Finding.Ok("records", $"{folder} can be written ({settings.Analytics.Backend}).");
        if (FreeSpace(folder) is { } free)
        {
            yield return free < LittleSpace
                ? Finding.Warn("disk", $"{Terminal.Bytes(free)} are free on the disk of the records.", "Free space, or set ANALYTICS_MAX_SIZE_MB.")
                : Finding.Ok("disk", $"{Terminal.Bytes(free)} are free on the disk of the records.");
        }
    }

    /// <summary>Writes a test file and removes it; for a missing folder, in the nearest existing one.</summary>
    private static string? WriteProblem(string folder)
    {
        try
        {
            var test = Path.Combine(Existing(folder), $".ollama-proxy-{Guid.NewGuid():N}");
            using var file = new FileStream(test,
                new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose });
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.Message;
        }
    }

    private static long? FreeSpace(string folder)
    {
        try
        {
            return new DriveInfo(Existing(folder)).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static string Existing(string folder)
    {
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent)
        {
            folder = parent;
        }

        return folder;
    }
}
