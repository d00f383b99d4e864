using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace OllamaProxy.Bench.Run;

/// <summary>Child processes of this program, so that the CPU time of upstream, load client and proxy is counted separately.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;

    public Child(string verb)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        }

        start.ArgumentList.Add(verb);
        _process = Process.Start(start) ?? throw new InvalidOperationException("The bench could not start itself.");
        Meter = new ProcessMeter(_process.Id);
    }

    public ProcessMeter Meter { get; }

    public string ReadLine() => _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A process of the bench has ended too early.");

    /// <summary>Requests a measurement from the load client and waits for its figures.</summary>
    public Dictionary<string, double> Measure(string request)
    {
        _process.StandardInput.WriteLine(request);
        _process.StandardInput.Flush();
        return ReadLine().Split(' ').Select(word => word.Split('=')).ToDictionary(pair => pair[0], pair => double.Parse(pair[1], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        // Both children exit when their standard input closes.
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(3)))
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
