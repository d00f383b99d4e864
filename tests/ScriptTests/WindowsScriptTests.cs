using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using OllamaProxy.TestKit;

namespace OllamaProxy.ScriptTests;

/// <summary>
/// Checks the Windows scripts with PowerShell's own parser, and runs the parts that do not need Windows. These tests do not show that they work on Windows
/// (docs/operations.md).
/// </summary>
public sealed class WindowsScriptTests
{
    public static TheoryData<string> Scripts =>
        [.. Directory.GetFiles(Repository.PathOf("packaging", "windows"), "*.ps1").Select(file => Path.GetFileName(file)!)];

    [Theory]
    [MemberData(nameof(Scripts))]
    public void Every_script_parses_without_errors_and_is_ASCII(string name)
    {
        var text = File.ReadAllText(PathOf(name));
        Parser.ParseInput(text, out _, out var errors);

        Assert.Empty(errors);
        // Windows PowerShell 5.1 reads a file without a byte order mark in the machine's code page.
        Assert.DoesNotContain(text, character => character > '~');
    }

    [Theory]
    [InlineData("Install-Service.ps1", "Executable TakeOver NoTakeOver Account Setting Unattended DryRun")]
    [InlineData("Uninstall-Service.ps1", "Executable RemoveData Unattended DryRun")]
    public void Every_parameter_is_documented(string name, string parameters)
    {
        var script = Parse(name);

        Assert.Equal(parameters.Split(' '), script.ParamBlock.Parameters.Select(parameter => parameter.Name.VariablePath.UserPath));
        Assert.Equal(parameters.ToUpperInvariant().Split(' ').Order(StringComparer.Ordinal),
            script.GetHelpContent().Parameters.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Install-Service.ps1", "install")]
    [InlineData("Uninstall-Service.ps1", "uninstall")]
    public async Task The_program_has_every_option_that_the_script_passes(string name, string verb)
    {
        var (_, help) = await ProxyProcess.RunAsync(new Dictionary<string, string?>(), verb, "--help");
        var options = Parse(name).FindAll(node => node is StringConstantExpressionAst { Value: ['-', '-', _, ..] },
            searchNestedScriptBlocks: true).Cast<StringConstantExpressionAst>().Select(text => text.Value).ToList();

        Assert.NotEmpty(options);
        Assert.All(options, option => Assert.Contains(option, help, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "\"\"")]
    [InlineData("two words", "\"two words\"")]
    [InlineData(@"C:\Program Files\Ollama\", @"""C:\Program Files\Ollama\\""")]
    [InlineData(@"C:\no\blanks\", @"C:\no\blanks\")]
    [InlineData("say \"hi\"", "\"say \\\"hi\\\"\"")]
    [InlineData(@"ends with \"" quote", @"""ends with \\\"" quote""")]
    public void An_argument_is_quoted_as_Windows_programs_parse_it(string value, string expected)
    {
        var function = (FunctionDefinitionAst)Parse("ServiceScript.ps1").Find(node => node is FunctionDefinitionAst { Name: "ConvertTo-Argument" },
            searchNestedScriptBlocks: false);
        // Only the engine is available, not the modules of PowerShell.
        var session = InitialSessionState.Create();
        session.LanguageMode = PSLanguageMode.FullLanguage;
        session.Commands.Add(new SessionStateFunctionEntry(function.Name, function.Body.Extent.Text[1..^1]));
        using var runspace = RunspaceFactory.CreateRunspace(session);
        runspace.Open();
        using var shell = PowerShell.Create(runspace);

        var result = shell.AddCommand(function.Name).AddParameter("Value", value).Invoke<string>();

        Assert.Empty(shell.Streams.Error.Select(error => error.ToString()));
        Assert.Equal(expected, Assert.Single(result));
    }

    [Fact]
    public void The_launcher_runs_the_script_and_returns_its_exit_code()
    {
        var text = File.ReadAllText(PathOf("install-service-launcher.bat"));

        Assert.Contains("\"%~dp0Install-Service.ps1\" %*\r\n", text, StringComparison.Ordinal);
        Assert.EndsWith("exit /b %code%\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", text.Replace("\r\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static string PathOf(string name) => Repository.PathOf("packaging", "windows", name);

    private static ScriptBlockAst Parse(string name) => Parser.ParseFile(PathOf(name), out _, out _);
}
