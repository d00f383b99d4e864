using System.Globalization;
using OllamaProxy.Bench.Sockets;

namespace OllamaProxy.Bench.Run;

/// <summary>The CPU time and memory of a process and its children (the workers of nginx), as counted by the kernel.</summary>
internal sealed class ProcessMeter
{
    private const int CpuClockOfProcess = 2;

    private readonly int[] _processes;

    public ProcessMeter(int process) => _processes = [process, .. ChildrenOf(process)];

    /// <summary>
    /// Seconds from the CPU clock of the process, which has nanoseconds (/proc/PID/stat only hundredths of a second). It includes ended threads.
    /// </summary>
    public double CpuSeconds => _processes.Sum(CpuSecondsOf);

    /// <summary>The resident memory in MiB. Pages shared by several processes count once for each.</summary>
    public double ResidentMiB => _processes.Sum(process => StatusOf(process, "VmRSS:"));

    /// <summary>The peak resident memory in MiB since <see cref="ResetPeak"/>.</summary>
    public double PeakMiB => _processes.Sum(process => StatusOf(process, "VmHWM:"));

    /// <summary>The number of open file descriptors.</summary>
    public int Descriptors => _processes.Sum(process => Directory.GetFileSystemEntries($"/proc/{process}/fd").Length);

    /// <summary>The number of threads.</summary>
    public int Threads => _processes.Sum(process => Directory.GetDirectories($"/proc/{process}/task").Length);

    public void ResetPeak()
    {
        foreach (var process in _processes)
        {
            File.WriteAllText($"/proc/{process}/clear_refs", "5");
        }
    }

    /// <summary>The busy time of the whole machine since its boot, in seconds.</summary>
    public static double MachineBusySeconds()
    {
        var columns = File.ReadLines("/proc/stat").First().Split(' ',
            StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(column => long.Parse(column, CultureInfo.InvariantCulture)).ToArray();
        // user nice system idle iowait irq softirq steal
        return (columns[0] + columns[1] + columns[2] + columns[5] + columns[6] + columns[7]) / 100.0;
    }

    private static unsafe double CpuSecondsOf(int process)
    {
        var value = stackalloc long[2];
        // clock_getcpuclockid(3) as Linux defines it.
        return Libc.ClockGet((~process << 3) | CpuClockOfProcess, value) == 0 ? value[0] + value[1] / 1e9 : 0;
    }

    private static double StatusOf(int process, string name)
    {
        foreach (var line in File.ReadLines($"/proc/{process}/status"))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
            {
                return long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) / 1024.0;
            }
        }

        return 0;
    }

    private static List<int> ChildrenOf(int parent)
    {
        List<int> children = [];
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var process))
            {
                continue;
            }

            try
            {
                // The name is in parentheses and may contain any characters; the state and the parent follow it.
                var stat = File.ReadAllText(Path.Combine(folder, "stat"));
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                if (int.Parse(fields[1], CultureInfo.InvariantCulture) == parent)
                {
                    children.Add(process);
                    children.AddRange(ChildrenOf(process));
                }
            }
            catch (IOException)
            {
                // The process has exited.
            }
        }

        return children;
    }
}
