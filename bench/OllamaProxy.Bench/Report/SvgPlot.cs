using System.Globalization;
using System.Text;
using OllamaProxy.Bench.Run;

namespace OllamaProxy.Bench.Report;

/// <summary>Bar charts of the most important figures, one panel each, two panels a line.</summary>
internal static class SvgPlot
{
    private const int PanelWidth = 460, LabelWidth = 150, ValueWidth = 70, BarHeight = 18, Gap = 24, TitleHeight = 26;

    private static readonly (string Title, string RowTitle)[] s_panels =
    [
        ("Small GET, added p50 (µs)", "GET, 400/s: added p50, µs"),
        ("Small GET, 32 connections (requests/s, more is better)", "GET, 32 connections: requests/s"),
        ("First token, added p50 (µs)", "first token, 100 streams/s: added p50, µs"),
        ("Token one way, added p50 (µs)", "token one way, 8 streams of 100/s: added p50, µs"),
        ("CPU for a paced token (µs)", "token, 8 streams of 100/s: CPU, µs a token"),
        ("Upload (MiB/s, more is better)", "upload with length: MiB/s"),
        ("500 streams: CPU for a token (µs)", "500 streams of 20/s: CPU, µs a token"),
        ("Memory at rest (MiB)", "idle RSS, MiB"),
    ];

    public static string Of(Figures figures, IReadOnlyList<Contestant> contestants)
    {
        var proxies = contestants.Where(contestant => !contestant.IsDirect).ToList();
        var panelHeight = TitleHeight + proxies.Count * (BarHeight + 4) + Gap;
        var height = (s_panels.Length + 1) / 2 * panelHeight + Gap;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{2 * PanelWidth + 3 * Gap}" height="{height}" font-family="system-ui, sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="#ffffff"/>

            """);
        for (var index = 0; index < s_panels.Length; index++)
        {
            var (x, y) = (Gap + index % 2 * (PanelWidth + Gap), Gap + index / 2 * panelHeight);
            Panel(svg, figures, proxies, s_panels[index], x, y);
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static void Panel(StringBuilder svg, Figures figures, List<Contestant> proxies, (string Title, string RowTitle) panel, int x, int y)
    {
        var row = Row.All.Single(row => row.Title == panel.RowTitle);
        svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x}" y="{y + 12}" font-weight="600" fill="#1f2328">{panel.Title}</text>""").Append('\n');
        var values = proxies.Select(contestant => row.Of(figures, contestant)).ToList();
        var most = Math.Max(values.Max() ?? 0, double.Epsilon);
        for (var index = 0; index < proxies.Count; index++)
        {
            var top = y + TitleHeight + index * (BarHeight + 4);
            var width = Math.Max((values[index] ?? 0) / most, 0) * (PanelWidth - LabelWidth - ValueWidth);
            var colour = proxies[index].Name.StartsWith("ours", StringComparison.Ordinal) ? "#0969da" : "#9aa4af";
            svg.Append(CultureInfo.InvariantCulture, $"""
                <text x="{x}" y="{top + 13}" fill="#1f2328">{proxies[index].Title.Trim('*')}</text>
                <rect x="{x + LabelWidth}" y="{top}" width="{width:0.#}" height="{BarHeight}" fill="{colour}"/>
                <text x="{x + LabelWidth + width + 6:0.#}" y="{top + 13}" fill="#59636e">{Row.Text(values[index])}</text>

                """);
        }
    }
}
