using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Commands.Data;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands.Diagnosis;

/// <summary>The Ollama executable, whether it answers, and whether its models are on the GPU.</summary>
internal static partial class OllamaFindings
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static async Task<IReadOnlyList<Finding>> OfAsync(ProxySettings settings, ApiSession? api, CancellationToken cancellationToken)
    {
        List<Finding> findings = [settings.Ollama.BackendUrl is { } url ? Finding.Ok("ollama", $"OLLAMA_BACKEND_URL: {url}")
            : await ExecutableAsync(settings, api is not null, cancellationToken)];
        if (api is null)
        {
            return findings;
        }

        try
        {
            findings.AddRange(OfRunning(await api.GetAsync("/analytics/ollama", AnalyticsJson.Relaxed.OllamaJson, cancellationToken)));
        }
        catch (CommandException exception)
        {
            findings.Add(Finding.Warn("ollama", exception.Message, "Run doctor with its ANALYTICS_TOKEN."));
        }

        return findings;
    }

    private static IEnumerable<Finding> OfRunning(OllamaJson ollama)
    {
        yield return ollama.IsUp switch
        {
            true => Finding.Ok("ollama", $"{ollama.State}, version {ollama.Version ?? Terminal.Unknown}, {ollama.OllamaHost}"),
            false =>
                Finding.Bad("ollama", $"does not answer at {ollama.OllamaHost}: {ollama.Problem}", "If Ollama exited, the log of ollama-proxy has the reason."),
            null => Finding.Note("ollama", $"{ollama.State}; not polled yet."),
        };
        if (ollama.Models is [])
        {
            yield return Finding.Note("gpu", "No model is loaded, so the use of the GPU is unknown.", "Send a model a prompt, and run doctor again.");
        }

        // If no model uses a GPU, that is one finding about the machine, not one for each model.
        List<(string Text, double Share)> models = [.. (ollama.Models ?? []).Select(Share)];
        if (models.Count > 0 && models.TrueForAll(static model => model.Share == 0))
        {
            yield return Finding.Warn(
                "gpu",
                string.Join(" ", models.Select(static model => model.Text)),
                "Ollama uses the CPU only. If this machine has a GPU, Ollama found no driver for it: with LOG_LEVEL=debug, the log of ollama-proxy lists "
                    + "the GPUs that Ollama found.");
            yield break;
        }

        foreach (var (text, share) in models)
        {
            yield return share >= 99.5 ? Finding.Ok("gpu", text)
                : Finding.Warn("gpu", text,
                    "The part on the CPU slows the model down: use a smaller model, a smaller quantization or a smaller context (num_ctx, "
                        + "OLLAMA_CONTEXT_LENGTH).");
        }
    }

    private static (string Text, double Share) Share(LoadedModelJson model)
    {
        var share = model.SizeBytes > 0 ? 100.0 * model.VramBytes / model.SizeBytes : 100;
        return (string.Create(CultureInfo.InvariantCulture,
            $"{model.Name}: {share:N0} % of {Terminal.Bytes(model.SizeBytes)} on the GPU, context {model.ContextLength}."), share);
    }

    /// <summary>The running proxy may have settings that this shell does not have.</summary>
    private static async Task<Finding> ExecutableAsync(ProxySettings settings, bool isRunning, CancellationToken cancellationToken)
    {
        if (OllamaExecutable.Find(settings.Ollama) is not { } path)
        {
            return isRunning
                ? Finding.Note("ollama", "this shell finds no ollama executable; the running proxy has its own settings.")
                : Finding.Bad("ollama", "no ollama executable was found.",
                "Install it from https://ollama.com/download, or set OLLAMA_EXECUTABLE_PATH, or OLLAMA_BACKEND_URL.");
        }

        return await VersionAsync(path, cancellationToken) is { } version
            ? Finding.Ok("ollama", $"{path}, version {version}")
            : Finding.Warn("ollama", $"{path} does not report its version.", "Run: ollama --version");
    }

    private static async Task<string?> VersionAsync(string path, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(path, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
            try
            {
                // Without a server it prints a warning first, and its own version last.
                var texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(patience.Token), process.StandardError.ReadToEndAsync(patience.Token));
                return Version().Matches(string.Join('\n', texts)).LastOrDefault()?.Value;
            }
            finally
            {
                if (!process.HasExited)
                {
                    process.Kill();
                }
            }
        }
        catch (Exception exception) when (exception is Win32Exception or InvalidOperationException or OperationCanceledException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"\d+\.\d+\.\d+[-.\w]*")]
    private static partial Regex Version();
}
